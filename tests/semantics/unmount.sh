#!/bin/bash
# umount is EBUSY while a file is open, as everywhere; with -z or without users it drains like SIGTERM.
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
