#!/bin/bash
# An unfinished last line is seen when its newline comes, at fsync, or at the last close; not before, and once.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
expect_errno 0 '
p = "s/shardId-000000000000"
def now(): return open(p, "rb").read()
f = os.open(p, os.O_WRONLY | os.O_APPEND)
os.write(f, b"a"); os.write(f, b"b")
assert now() == b""
os.write(f, b"c\nd")
assert now() == b"abc\n"
os.fsync(f)
assert now() == b"abc\nd\n"
os.fsync(f)
assert now() == b"abc\nd\n"
os.write(f, b"e")
os.close(f)
assert now() == b"abc\nd\ne\n"'
printf f >>"$shard"
equal $'abc\nd\ne\nf' "$(<"$shard")" "after printf"
