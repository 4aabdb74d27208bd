#!/bin/bash
# Where a record is damaged, a json file shows what is whole before it (all: in that shard), in the size too; then read is EIO.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
seq 1000 1099 >>"$MNT/s/all"
head -n 50 "$MNT/s@json/all" >"$WORK/want"
unmount_fs
printf X | dd of="$(find "$STORE" -name '*.data')" bs=1 seek=252 conv=notrunc status=none
mount_fs
for name in all shardId-000000000000; do
    cat "$MNT/s@json/$name" >"$WORK/got" 2>"$WORK/said" && fail "a damaged record was read"
    grep -q 'Input/output error' "$WORK/said" || fail "$(<"$WORK/said")"
    same "$WORK/want" "$WORK/got"
    equal "$(stat -c %s "$WORK/want")" "$(stat -c %s "$MNT/s@json/$name")" size
done
