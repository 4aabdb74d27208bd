#!/bin/bash
# A listing does not change under its reader; rewinddir makes it anew.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s@shards=2000"
equal 2001 "$(find "$MNT/s" -type f | wc -l)" "files"
expect_errno 0 '
d = os.open(".", os.O_RDONLY)
before = os.listdir(d)
assert sorted(before) == [".kinesisfs", "s"], before
os.mkdir("t")
after = os.listdir(d)
assert sorted(after) == [".kinesisfs", "s", "t"], after
shards = os.scandir("s")
first = next(shards).name
os.setxattr("s", "user.kinesis.shard_count", b"1000")
assert len({first} | {x.name for x in shards}) == 2001'
