#!/bin/bash
# A length over 10 MiB in len is EINVAL, one over the stream's limit EMSGSIZE, an unfinished record dropped at close, EINVAL at
# fsync; errors says which record since the open it was. Those before it are kept, and the next write begins a new one.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
expect_errno 0 'f = os.open("s@len/all", os.O_WRONLY | os.O_APPEND)
assert os.write(f, b"\0\0\0\1a" + b"\0\0\0\1b" + b"not a length") == 10
for data, want in [(b"not a length", errno.EINVAL), (b"\0\x20\0\0", errno.EMSGSIZE)]:
    try: os.write(f, data)
    except OSError as e: assert e.errno == want
    else: assert False
os.write(f, b"\0\0\0\1c\0\0\0\4wh")
try: os.fsync(f)
except OSError as e: assert e.errno == errno.EINVAL
else: assert False, "fsync inside a record"
os.write(f, b"at\0\0\0\4un")'
printf 'a\nb\nc\nwhat\n' >"$WORK/want"
same "$WORK/want" "$MNT/s/all"
wait_for 10 grep -q '"EINVAL".*ended inside a record of the view len.*(record 7 since the open)' "$MNT/.kinesisfs/errors"
grep -q '"EINVAL".*len: a record of [0-9]* bytes.*(record 3 since the open)' "$MNT/.kinesisfs/errors"
grep -q '"EMSGSIZE".*record 4 since the open' "$MNT/.kinesisfs/errors"
