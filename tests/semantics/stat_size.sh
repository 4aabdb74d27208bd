#!/bin/bash
# st_size is exact at every moment and does not shrink for an open file; offsets mean the same to all its readers.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
expect_errno 0 '
p = "s/shardId-000000000000"
r = os.open(p, os.O_RDONLY)
total = 0
for i in range(200):
    line = b"%d\n" % i
    append(p, line)
    total += len(line)
    assert os.stat(p).st_size == os.fstat(r).st_size == os.lseek(r, 0, os.SEEK_END) == total
    assert os.stat(p).st_blocks == (total + 511) // 512
assert os.pread(r, 100, total) == b""'
equal "$(stat -c %s "$shard")" "$(wc -c <"$MNT/s/all")" "size of all"
