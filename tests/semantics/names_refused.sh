#!/bin/bash
# The errno of every name that cannot be: EINVAL, EEXIST, ENOENT, ENAMETOOLONG, EPERM.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
expect_errno EINVAL 'os.mkdir("a b")'
expect_errno EINVAL 'os.mkdir("x" * 129)'
expect_errno EINVAL 'os.mkdir("x@shards=0")'
expect_errno 0 'os.mkdir("x" * 128)'
expect_errno EEXIST 'os.mkdir("s")'
expect_errno EEXIST 'os.mkdir(".kinesisfs")'
expect_errno ENOENT 'os.stat("none")'
expect_errno ENOENT 'os.stat("s/shardId-000000000001")'
expect_errno ENOENT 'os.stat("s/shardId-0")'
expect_errno ENAMETOOLONG 'os.stat("x" * 256)'
expect_errno EPERM 'open("s/new", "w")'
expect_errno EPERM 'open("new", "w")'
expect_errno EPERM 'os.mkdir("s/d")'
expect_errno EPERM 'os.mkfifo("s/p")'
expect_errno EPERM 'os.symlink("x", "s/l")'
expect_errno EPERM 'os.rmdir(".kinesisfs")'
expect_errno ENOTDIR 'os.rmdir("s/all")'
