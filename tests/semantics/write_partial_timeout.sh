#!/bin/bash
# With partial_timeout an unfinished line becomes a record after so long without a write.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs --partial-timeout=300ms
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
exec 5>>"$shard"
printf unfinished >&5
equal 0 "$(stat -c %s "$shard")" "size at once"
wait_for 10 grep -q unfinished "$shard"
echo next >&5
equal $'unfinished\nnext' "$(<"$shard")"
exec 5>&-
