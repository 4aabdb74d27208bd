#!/bin/bash
# st_ino is stable per name: over lookups, growth and a remount; files and streams have their own.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
inos() { stat -c %i "$MNT/s" "$MNT/s/all" "$shard" "$MNT/s@json/all"; }
before=$(inos)
echo line >>"$shard"
equal "$before" "$(inos)" "numbers after growth"
equal 4 "$(inos | sort -u | wc -l)" "different numbers"
remount
equal "$before" "$(inos)" "numbers after a remount"
equal "$(stat -c %i "$shard")" "$(find "$MNT/s" -name 'shard*' -printf %i)" "number in a listing"
mkdir "$MNT/t"
[ "$(stat -c %i "$MNT/t/all")" != "$(stat -c %i "$MNT/s/all")" ]
