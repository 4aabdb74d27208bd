#!/bin/bash
# rename, unlink and link are EPERM and in errors, and leave the stream as it was.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
echo line >>"$shard"
expect_errno EPERM 'os.rename("s/all", "s/all.1")'
expect_errno EPERM 'os.rename("s/shardId-000000000000", "s/all")'
expect_errno EPERM 'os.rename("s", "t")'
expect_errno EPERM 'os.unlink("s/shardId-000000000000")'
expect_errno EPERM 'os.link("s/all", "s/other")'
equal line "$(<"$shard")"
for what in rename unlink link; do
    grep -q "\"operation\":\"$what\".*EPERM" "$MNT/.kinesisfs/errors" || fail "$what is not in errors"
done
