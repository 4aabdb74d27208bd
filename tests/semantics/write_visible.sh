#!/bin/bash
# When write returns, every line that it completed is seen by every reader, in the size too.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
expect_errno 0 '
p = "s/shardId-000000000000"
f = os.open(p, os.O_WRONLY | os.O_APPEND)
r = os.open(p, os.O_RDONLY)
for i in range(300):
    line = b"line %d\n" % i
    at = os.fstat(r).st_size
    os.write(f, line)
    assert os.fstat(r).st_size == at + len(line) == os.stat("s/all").st_size
    assert os.read(r, 100) == line'
