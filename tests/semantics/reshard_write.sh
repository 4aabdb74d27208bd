#!/bin/bash
# After a resize a write to a closed shard is EROFS, named with its children in errors; opening it to write too.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
expect_errno EROFS '
f = os.open("s/shardId-000000000000", os.O_WRONLY | os.O_APPEND)
os.write(f, b"before\n")
os.fsync(f)
os.setxattr("s", "user.kinesis.shard_count", b"2")
os.write(f, b"after\n")'
expect_errno EROFS 'os.open("s/shardId-000000000000", os.O_WRONLY)'
expect_errno 0 'append("s/shardId-000000000002", "to a child\n"); append("s/all", "to any\n")'
equal before "$(<"$shard")"
grep '"operation":"write"' "$MNT/.kinesisfs/errors" | grep -q 'shardId-000000000001'
grep '"operation":"open"' "$MNT/.kinesisfs/errors" | grep -q 'shardId-000000000001 shardId-000000000002'
equal 3 "$(wc -l <"$MNT/s/all")" "lines of all"
