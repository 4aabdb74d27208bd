#!/bin/bash
# st_mtime is the arrival of the last record (before one: the shard's creation), kept over a remount.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
before=$(date +%s)
[ $(($(stat -c %Y "$shard") - before)) -le 1 ] || fail "time of an empty shard"
echo line >>"$shard"
now=$(stat -c %Y "$shard")
if [ "$now" -lt "$before" ] || [ "$now" -gt $((before + 9)) ]; then fail "time $now, written at $before"; fi
exact=$(stat -c %y "$shard" "$MNT/s/all")
remount
equal "$exact" "$(stat -c %y "$shard" "$MNT/s/all")" "after a remount"
