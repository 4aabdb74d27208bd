#!/bin/bash
# A read at the tip returns 0 and, once there is more, goes on from there.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
expect_errno 0 '
p = "s/shardId-000000000000"
r = os.open(p, os.O_RDONLY)
assert os.read(r, 100) == b""
for i in range(100):
    append(p, b"%d\n" % i)
    assert os.read(r, 100) == b"%d\n" % i
    assert os.read(r, 100) == b"" and os.pread(r, 10, 1 << 40) == b""'
