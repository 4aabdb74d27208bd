#!/bin/bash
# With the view follow a read at the tip waits for the next line, of a shard and of all.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
timeout 30 grep -m 2 --line-buffered . "$MNT/s@follow/shardId-000000000000" >"$WORK/one" &
timeout 30 grep -m 2 --line-buffered . "$MNT/s@follow/all" >"$WORK/all" &
echo first >>"$shard"
wait_for 20 grep -q first "$WORK/one"
wait_for 20 grep -q first "$WORK/all"
echo second >>"$shard"
printf 'first\nsecond\n' >"$WORK/want"
wait_for 20 cmp -s "$WORK/want" "$WORK/one"
wait_for 20 cmp -s "$WORK/want" "$WORK/all"
