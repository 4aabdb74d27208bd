#!/bin/bash
# Without O_APPEND a write starts at 0 or at a size the file has had since its open, and goes on; else EPERM.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
expect_errno 0 '
p = "s/shardId-000000000000"
append(p, "12345\n")
f = os.open(p, os.O_WRONLY)
g = os.open(p, os.O_WRONLY)
h = os.open(p, os.O_WRONLY)
assert os.write(f, b"from 0\n") == 7 and os.write(f, b"and on\n") == 7
assert os.pwrite(g, b"at the size of its open\n", 6) == 24
assert os.pwrite(h, b"at the size of now\n", os.stat(p).st_size) == 19
assert os.stat(p).st_size == 6 + 7 + 7 + 24 + 19'
for offset in 1 5 1000; do
    expect_errno EPERM "os.pwrite(os.open('s/shardId-000000000000', os.O_WRONLY), b'x', $offset)"
done
expect_errno EPERM '
f = os.open("s/shardId-000000000000", os.O_WRONLY)
os.pwrite(f, b"one\n", 0)
os.pwrite(f, b"two\n", 0)'
grep -q 'neither at the end nor where' "$MNT/.kinesisfs/errors"
