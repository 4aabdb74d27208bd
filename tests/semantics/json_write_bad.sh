#!/bin/bash
# A line that is no such object is EINVAL and in errors; lines before it are kept, and the next can be written.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
expect_errno 0 '
f = os.open("s@json/all", os.O_WRONLY | os.O_APPEND)
for bad in b"{\n", b"{\"Data\":1}\n", b"[]\n", b"no\n", b"{\"Data\":\"a\",\"DataBase64\":\"YQ==\"}\n":
    try:
        os.write(f, bad)
        assert False, bad
    except OSError as e:
        assert e.errno == errno.EINVAL, e
os.write(f, b"{\"Data\":\"good\"}\n")
lines = b"{\"Data\":\"first\"}\n" * 3 + b"wrong\n{\"Data\":\"last\"}\n"
assert os.write(f, lines) == 3 * 17
try: os.write(f, lines[51:])
except OSError as e: assert e.errno == errno.EINVAL, e
else: assert False
os.write(f, lines[57:] + b"{\"Data\":")
try: os.fsync(f)
except OSError as e: assert e.errno == errno.EINVAL, e
else: assert False
assert os.write(f, b"\"end\"}\n{\"Data\":\"x\",\"PartitionKey\":\"" + b"k" * 257 + b"\"}\n") == 7'
equal "$(printf 'good\nfirst\nfirst\nfirst\nlast\nend')" "$(<"$shard")"
grep '"operation":"write".*EINVAL' "$MNT/.kinesisfs/errors" | grep -q '(line 10 since the open)'
