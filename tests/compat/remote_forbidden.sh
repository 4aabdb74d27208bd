#!/bin/bash
# AccessDenied is EACCES in the shell of who looks at how the close ended, and in an fsync of each that has the file
# open, once; the record is a dead letter, and errors has the service's code and the request.
. "$(dirname "$0")/lib_remote.sh"
endpoint own
proxy
mount_remote
mkdir "$MNT/clicks"
shard=$MNT/clicks/shardId-000000000000
echo one >>"$shard"
fault denied PutRecords
if env echo two 2>"$WORK/said" >>"$shard"; then fail "a close that should have failed"; fi
grep -q 'Permission denied' "$WORK/said"
equal 1 "$(shard_status dead_letters)" "dead letters"
equal 0 "$(status spool_bytes)" "bytes that wait"
tail -n 1 "$MNT/.kinesisfs/errors" | grep AccessDeniedException | grep -q by-the-proxy || fail "errors does not say it"
# A shell's own echo does not look at its close: the exit status is 0, errors is where it is found.
echo three >>"$shard"
equal 2 "$(shard_status dead_letters)" "dead letters"
expect_errno 0 '
def told(f):
    try: return os.fsync(f)
    except OSError as e: return e.errno
a, b, c = (os.open("clicks/shardId-000000000000", os.O_WRONLY | os.O_APPEND) for _ in range(3))
os.write(a, b"of a\n")
assert [told(f) for f in (a, b, a, b)] == [errno.EACCES, errno.EACCES, None, None]
os.write(c, b"of c\n")'
fault pass
echo four >>"$shard"
cmp "$shard" <(printf 'one\nfour\n')
