#!/bin/bash
# A real log of 300,000 lines, appended by cat and read back by the usual tools,
# each of which must say what it says of the plain file.
# timeout: 120
. "$(dirname "$0")/lib.sh"

log=$WORK/dpkg.log
source=/var/log/dpkg.log
[ -s "$source" ] || ls -lR /usr/share >"${source:=$WORK/listing}"
while :; do cat "$source"; done | head -n 300000 | cat -n >"$log"

mount_fs
mkdir "$MNT/packages"
shard=$MNT/packages/shardId-000000000000
cat "$log" >>"$shard"

alike() { # COMMAND: the same of both, with the file as its standard input
    equal "$(bash -c "$1" <"$log" | md5sum)" "$(bash -c "$1" <"$shard" | md5sum)" "$1"
}

same "$log" "$shard"
same "$log" "$MNT/packages/all"
alike 'grep -c a'
alike 'wc -l'
alike 'tail -n 100'
alike 'dd bs=65536 skip=100 status=none'
equal "$(tail -n 100 "$log" | md5sum)" "$(tail -n 100 "$shard" | md5sum)" "tail -n 100"
equal "$(grep -c installed "$log")" "$(grep -c installed "$shard")" "grep -c"
equal "$(wc -c <"$log")" "$(stat -c %s "$shard")" "size"
(cd "$WORK" && split -n 7 "$shard" part. && cat part.*) | cmp - "$log" || fail "split"
