#!/bin/bash
# user.kinesis.tag.NAME of a stream is its tag NAME: listed, set, removed, kept over a remount; what cannot be one is EINVAL.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
setfattr -n user.kinesis.tag.team -v red "$MNT/s"
setfattr -n "user.kinesis.tag.cost centre" -v 'a/b=c' "$MNT/s"
setfattr -n user.kinesis.tag.empty "$MNT/s"
expect_errno EINVAL 'os.setxattr("s", "user.kinesis.tag.a%", b"x")'
expect_errno EINVAL 'os.setxattr("s", "user.kinesis.tag.a", b"x;")'
expect_errno EINVAL 'os.setxattr("s", "user.kinesis.tag.a", b"x" * 257)'
expect_errno EINVAL 'os.setxattr("s", "user.kinesis.tag.", b"x")'
expect_errno EPERM 'os.setxattr("s/shardId-000000000000", "user.kinesis.tag.a", b"x")'
remount
equal "cost centre=a/b=c empty= team=red" "$(cd "$MNT" && python3 -c 'import os
print(*sorted(n[17:] + "=" + os.getxattr("s", n).decode() for n in os.listxattr("s") if ".tag." in n))')" tags
setfattr -x user.kinesis.tag.team "$MNT/s@follow"
expect_errno ENODATA 'os.getxattr("s", "user.kinesis.tag.team")'
expect_errno ENODATA 'os.removexattr("s", "user.kinesis.tag.team")'
expect_errno EPERM 'os.removexattr("s", "user.kinesis.arn")'
expect_errno ENOTSUP 'os.removexattr("s", "user.mine")'
