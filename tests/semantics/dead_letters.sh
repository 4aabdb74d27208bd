#!/bin/bash
# dead_letters shows the records that a remote source refused for good; a local store has none.
# tests/compat/remote_dead_letters.sh has them with an endpoint.
. "$(dirname "$0")/../mount/lib.sh"
mount_fs
mkdir "$MNT/clicks"
echo one >>"$MNT/clicks/shardId-000000000000"
equal 0 "$(wc -c <"$MNT/.kinesisfs/dead_letters")" "size of dead_letters"
expect_errno EPERM 'open(".kinesisfs/dead_letters", "r+")'
expect_errno ENODATA 'os.getxattr("clicks/shardId-000000000000", "user.kinesis.dead_letters")'
expect_errno ENOTSUP 'os.setxattr("clicks/shardId-000000000000", "user.kinesis.dead_letters", b"resend")'
