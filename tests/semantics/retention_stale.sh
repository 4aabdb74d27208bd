#!/bin/bash
# A file that was open keeps its offsets and size; reading what retention removed is ESTALE, the rest stays readable.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs --retention-size=128K --segment-size=64K
mkdir "$MNT/s"
expect_errno ESTALE '
p = "s/shardId-000000000000"
append(p, b"first\n")
r = os.open(p, os.O_RDONLY)
ino = os.fstat(r).st_ino
f = os.open(p, os.O_WRONLY | os.O_APPEND)
until = time.time() + 20
while os.stat(p).st_size == os.fstat(r).st_size and time.time() < until:
    os.write(f, (b"x" * 99 + b"\n") * 1000)
    os.fsync(f)
size = os.fstat(r).st_size
assert os.stat(p).st_ino == ino and size > os.stat(p).st_size
assert os.pread(r, 100, size - 100) == b"x" * 99 + b"\n"
while time.time() < until: # what is not offered any more is removed soon after
    os.pread(r, 100, 0)
    time.sleep(0.01)'
grep -q '"operation":"read".*ESTALE' "$MNT/.kinesisfs/errors"
