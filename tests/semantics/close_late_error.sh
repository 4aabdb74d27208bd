#!/bin/bash
# A failure that no call was there for is returned once by the next write, fsync or close of that description.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs --partial-timeout=200ms
mkdir "$MNT/s"
expect_errno EROFS '
f = os.open("s/shardId-000000000000", os.O_WRONLY | os.O_APPEND)
os.write(f, b"unfinished")
os.setxattr("s", "user.kinesis.shard_count", b"2")
until = time.time() + 20
while "EROFS" not in open(".kinesisfs/errors").read() and time.time() < until:
    time.sleep(0.05)
os.close(f)'
