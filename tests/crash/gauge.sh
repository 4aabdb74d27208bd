#!/bin/bash
# Sizes of @json that one mount has measured serve the next, also after kill -9, while the shard grows and retention
# takes its head; a repair that changes records, or garbage in the note, makes them be measured again.
# timeout: 180
. "$(dirname "$0")/../mount/lib.sh"

shard=shardId-000000000000
note=$STORE/streams/s/notes/gauge-json-$shard
note=${note/shardId-/}
exact() { # the size is what reading gives, and what its end is read at
    size=$(stat -c %s "$MNT/s@json/$shard")
    equal "$size" "$(tail -c +1 "$MNT/s@json/$shard" | wc -c)" "size of json"
    equal "$(tail -n 1 "$MNT/s@json/$shard")" "$(tail -c 400 "$MNT/s@json/$shard" | tail -n 1)" "last line"
}

mount_fs --segment-size=8M
mkdir "$MNT/s"
seq -f 'record %06g of those that "are" written, as many as it takes' 700000 >>"$MNT/s/$shard"
exact
wait_for 10 test -s "$note"
kill9
mount_fs --segment-size=8M
stat -c %s "$MNT/s@json/$shard" >"$WORK/stat"
equal "$size" "$(<"$WORK/stat")" "after kill -9"
seq 1000 >>"$MNT/s/$shard"
exact
unmount_fs

indexes=("$STORE/streams/s/$shard"/*.index)
rm "${indexes[1]}"
"$(dirname "$KFS_BIN")/fsck.kinesisfs" -y "$STORE" >"$WORK/fsck" 2>&1 || [ $? -eq 1 ] || fail "$(<"$WORK/fsck")"
[ ! -e "$note" ] || fail "the repair has left the note"
mount_fs --segment-size=8M
exact
wait_for 10 test -s "$note"
unmount_fs
head -c 3000 /dev/urandom >"$note"
mount_fs --segment-size=8M
exact
[ ! -s "$MNT/.kinesisfs/errors" ] || fail "$(<"$MNT/.kinesisfs/errors")"
