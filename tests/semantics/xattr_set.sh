#!/bin/bash
# shard_count, retention_hours and max_record_kib can be set; a bad value is EINVAL, another attribute EPERM or ENOTSUP.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
for pair in shard_count=2 retention_hours=48 max_record_kib=2048; do
    setfattr -n "user.kinesis.${pair%=*}" -v "${pair#*=}" "$MNT/s"
    equal "${pair#*=}" "$(getfattr --only-values -n "user.kinesis.${pair%=*}" "$MNT/s")" "$pair"
done
expect_errno EINVAL 'os.setxattr("s", "user.kinesis.shard_count", b"many")'
expect_errno EINVAL 'os.setxattr("s", "user.kinesis.retention_hours", b"23")'
expect_errno EINVAL 'os.setxattr("s", "user.kinesis.max_record_kib", b"10241")'
expect_errno EPERM 'os.setxattr("s", "user.kinesis.arn", b"x")'
expect_errno ENOTSUP 'os.setxattr("s", "user.mine", b"x")'
