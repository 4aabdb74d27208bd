#!/bin/bash
# lseek finds SEEK_END where the size is; a file is all data: SEEK_HOLE is its end, past it ENXIO.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
echo line >>"$shard"
expect_errno 0 '
f = os.open("s/all", 0)
assert os.lseek(f, 0, os.SEEK_END) == 5
assert os.lseek(f, 1, os.SEEK_DATA) == 1 and os.lseek(f, 1, os.SEEK_HOLE) == 5'
expect_errno ENXIO 'os.lseek(os.open("s/all", 0), 6, os.SEEK_DATA)'
