#!/bin/bash
# A record over the limit is EMSGSIZE and in errors; lines before it are kept, and the next line can be written.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
expect_errno 0 '
p = "s/shardId-000000000000"
f = os.open(p, os.O_WRONLY | os.O_APPEND)
os.write(f, b"x" * (1 << 20) + b"\n")
size = os.stat(p).st_size
assert size == (1 << 20) + 1
assert os.write(f, b"before\n" + b"y" * (1 << 20)) == 7 + (1 << 20)
try:
    os.write(f, b"y\n")
    assert False
except OSError as e:
    assert e.errno == errno.EMSGSIZE
os.write(f, b"after\n")
assert os.pread(os.open(p, 0), 100, size) == b"before\nafter\n"'
grep -q '"errno":"EMSGSIZE".*over the stream.s limit' "$MNT/.kinesisfs/errors"
setfattr -n user.kinesis.max_record_kib -v 10240 "$MNT/s"
head -c 10485760 /dev/zero | tr '\0' z >>"$shard"
equal 10485761 "$(tail -n 1 "$shard" | wc -c)" "10 MiB after the limit was raised"
