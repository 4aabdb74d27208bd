#!/bin/bash
# close says EROFS or ENOENT where an unfinished line can no longer become a record: its shard or stream has gone.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s" "$MNT/t"
expect_errno EROFS '
f = os.open("s/shardId-000000000000", os.O_WRONLY | os.O_APPEND)
os.write(f, b"unfinished")
os.setxattr("s", "user.kinesis.shard_count", b"2")
os.close(f)'
expect_errno ENOENT '
f = os.open("t/all", os.O_WRONLY | os.O_APPEND)
os.write(f, b"unfinished")
os.rmdir("t")
os.close(f)'
