#!/bin/bash
# tail -n and -c say of a shard what they say of a plain file, also in the view json and of all.
. "$(dirname "$0")/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
seq 30000 >"$WORK/want"
cat "$WORK/want" >>"$shard"
for what in "-n 1" "-n 1000" "-n +29990" "-c 1" "-c 10000" "-c +100000"; do
    # shellcheck disable=SC2086 # two words
    cmp <(tail $what "$WORK/want") <(tail $what "$shard") || fail "tail $what"
    # shellcheck disable=SC2086
    cmp <(tail $what "$WORK/want") <(tail $what "$MNT/s/all") || fail "tail $what of all"
done
equal 30000 "$(tail -n 1 "$MNT/s@json/all" | jq -r .Data)"
equal 29001 "$(tail -n 1000 "$MNT/s@json/shardId-000000000000" | head -n 1 | jq -r .Data)"
