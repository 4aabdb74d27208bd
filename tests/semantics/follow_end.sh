#!/bin/bash
# A follow read ends (returns 0) at the end of a closed shard; that of all goes on with the children.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
echo before >>"$shard"
timeout 30 cat "$MNT/s@follow/shardId-000000000000" >"$WORK/one" &
reader=$!
timeout 30 grep -m 2 --line-buffered . "$MNT/s@follow/all" >"$WORK/all" &
wait_for 20 grep -q before "$WORK/one"
setfattr -n user.kinesis.shard_count -v 2 "$MNT/s"
wait "$reader" || fail "cat of a closed shard ended with $?"
echo after >>"$MNT/s/shardId-000000000001"
wait_for 20 grep -q after "$WORK/all"
equal $'before\nafter' "$(<"$WORK/all")"
equal before "$(<"$WORK/one")"
