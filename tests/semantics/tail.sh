#!/bin/bash
# tail -f prints each line once as it comes, tail -n and -c the last ones; no "file truncated".
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
seq 100 >>"$shard"
equal "$(seq 91 100)" "$(tail -n 10 "$shard")"
equal "100" "$(tail -c 4 "$shard")"
tail -n +1 -s 0.1 -f "$shard" >"$WORK/tailed" 2>&1 &
seq 101 200 >>"$shard"
seq 200 >"$WORK/want"
wait_for 20 cmp -s "$WORK/want" "$WORK/tailed"
stop_jobs
