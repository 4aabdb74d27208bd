#!/bin/bash
# A file opened after retention has removed records begins at the oldest that is left; it can be read whole.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs --retention-size=128K --segment-size=64K
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
seq -f '%0100.0f' 5000 >>"$shard"
wait_for 20 test "$(stat -c %s "$shard")" -lt 300000
lines=$(wc -l <"$shard")
equal "$((5000 - lines + 1))" "$(head -n 1 "$shard" | sed 's/^0*//')" "first line"
equal 5000 "$(tail -n 1 "$shard" | sed 's/^0*//')" "last line"
equal "$((lines * 101))" "$(stat -c %s "$shard")" "size"
