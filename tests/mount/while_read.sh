#!/bin/bash
# A shell loop reads a follow file line by line. A wait with a timeout needs a pipe or timeout(1):
# bash does not use read -t on what stat calls a regular file.
. "$(dirname "$0")/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
seq 100 >>"$shard"
while read -r line; do
    [ "$line" != end ] || break
    echo "$line"
done <"$MNT/s@follow/all" >"$WORK/got" &
loop=$!
seq 101 200 | while read -r n; do echo "$n"; done >>"$shard"
echo end >>"$shard"
wait "$loop"
seq 200 | cmp - "$WORK/got"
line=
exec 4< <(exec cat "$MNT/s@follow/all")
until [ "$line" = end ]; do read -r -t 10 line <&4; done
status=0
read -r -t 0.2 line <&4 || status=$?
[ "$status" -gt 128 ] || fail "read -t at the tip: $status"
exec 4<"$MNT/s@follow/all"
equal end "$(timeout 20 head -n 201 <&4 | tail -n 1)"
status=0
timeout 0.2 head -n 1 <&4 || status=$?
exec 4<&-
equal 124 "$status" "timeout at the tip"
