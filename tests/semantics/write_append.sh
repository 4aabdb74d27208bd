#!/bin/bash
# The offset of an O_APPEND write is never used: it lands where the stream ends, whoever wrote before.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
expect_errno 0 '
p = "s/shardId-000000000000"
f = os.open(p, os.O_WRONLY | os.O_APPEND)
g = os.open(p, os.O_WRONLY | os.O_APPEND)
for i in range(50):
    os.write(f, b"f%d\n" % i)
    os.write(g, b"g%d\n" % i)
    os.pwrite(f, b"p%d\n" % i, 0)
want = b"".join(b"f%d\ng%d\np%d\n" % (i, i, i) for i in range(50))
assert open(p, "rb").read() == want'
