#!/bin/bash
# tail -F of all goes on over a resize; tail -f of the closed shard stays without a word.
. "$(dirname "$0")/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
tail -n +1 -s 0.05 --max-unchanged-stats=1 -F "$MNT/s/all" >"$WORK/all" 2>&1 &
tail -n +1 -s 0.05 -f "$shard" >"$WORK/one" 2>&1 &
seq 500 >>"$MNT/s/all"
setfattr -n user.kinesis.shard_count -v 2 "$MNT/s"
seq 501 1000 >>"$MNT/s/all"
setfattr -n user.kinesis.shard_count -v 1 "$MNT/s"
seq 1001 1500 >>"$MNT/s/all"
same_lines() { cmp -s <(seq 1500) <(sort -n "$WORK/all"); }
wait_for 20 same_lines
wait_for 20 cmp -s <(seq 500) "$WORK/one"
