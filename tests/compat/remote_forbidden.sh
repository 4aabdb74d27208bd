#!/bin/bash
# AccessDenied is EACCES in the shell of who looks at how the close ended, and in an fsync; the record is a dead
# letter, and errors has the service's code and the request.
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
expect_errno EACCES 'f = os.open("clicks/shardId-000000000000", os.O_WRONLY | os.O_APPEND)
os.write(f, b"three\n")
os.fsync(f)'
# A shell's own echo does not look at its close: the exit status is 0, errors is where it is found.
echo four >>"$shard"
equal 3 "$(shard_status dead_letters)" "dead letters"
fault pass
echo five >>"$shard"
cmp "$shard" <(printf 'one\nfive\n')
