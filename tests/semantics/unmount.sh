#!/bin/bash
# umount is EBUSY while a file is open, as everywhere; with -z or without users it drains like SIGTERM. The store can be
# mounted again at once.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
exec 5>>"$shard"
printf unfinished >&5
fusermount3 -u "$MNT" 2>/dev/null && fail "unmounted under an open file"
exec 5>&-
unmount_fs
mount_fs
equal unfinished "$(<"$shard")"
exec 5>>"$shard"
printf lazily >&5
fusermount3 -u -z "$MNT"
exec 5>&-
reap
mount_fs
equal lazily "$(tail -n 1 "$shard")"
unmount_fs
for i in $(seq 10); do
    "$KFS_BIN" "$SOURCE" "$MNT" --log=stderr 2>"$WORK/said" || fail "mounted again: $(<"$WORK/said")"
    seq 1000 >>"$MNT/s@key=$i/all"
    wait_for 10 fusermount3 -u "$MNT" 2>"$WORK/said"
done
mount_fs
