#!/bin/bash
# truncate to 0 or to the present size succeeds and changes nothing; any other is EPERM and said in errors.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
echo line >>"$shard"
truncate -s 0 "$shard"
truncate -s 5 "$shard"
equal line "$(<"$shard")"
expect_errno EPERM 'os.truncate("s/all", 1)'
expect_errno EPERM 'os.ftruncate(os.open("s/all", os.O_WRONLY), 6)'
expect_errno EPERM 'os.posix_fallocate(os.open("s/all", os.O_WRONLY), 0, 4096)'
equal line "$(<"$shard")"
grep -q '"operation":"truncate".*EPERM' "$MNT/.kinesisfs/errors"
