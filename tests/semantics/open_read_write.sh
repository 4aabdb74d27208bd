#!/bin/bash
# A description may read and write; the two do not disturb each other.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
expect_errno 0 '
f = os.open("s/all", os.O_RDWR | os.O_APPEND)
os.write(f, b"one\ntwo\n")
assert os.pread(f, 100, 0) == b"one\ntwo\n"
os.write(f, b"three\n")
assert os.pread(f, 100, 8) == b"three\n"'
