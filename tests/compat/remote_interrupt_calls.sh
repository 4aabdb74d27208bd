#!/bin/bash
# Each call that waits for an endpoint which takes requests and says nothing ends with EINTR at a signal, at once: an
# open for reading, a lookup, a listing, mkdir, rmdir, a resize, another retention. Interrupted once more by SIGKILL.
. "$(dirname "$0")/lib_remote.sh"
endpoint own --api-status-delay=0
proxy
mount_remote --refresh=200ms
mkdir "$MNT/clicks"
echo one >>"$MNT/clicks/shardId-000000000000"
wait_for 10 spool_is_empty
fault stall
for call in 'os.open("clicks/shardId-000000000000", os.O_RDONLY)' 'os.open("clicks@json/all", os.O_RDONLY)' \
    'os.stat("unknown")' 'os.mkdir("new")' 'os.listdir(".")' \
    'os.setxattr("clicks", "user.kinesis.shard_count", b"2")' \
    'os.setxattr("clicks", "user.kinesis.retention_hours", b"48")' 'os.rmdir("clicks")'; do
    # A call that has made the endpoint's silence known does not wait: the poller's patience ends after 5 s.
    fault pass && wait_for 20 eval '[ "$(status reachable)" = True ]' && fault stall
    expect_errno EINTR "
def caught(*_): raise InterruptedError(4, 'caught')
signal.signal(signal.SIGALRM, caught)
signal.setitimer(signal.ITIMER_REAL, 0.5)
began = time.monotonic()
try:
    $call
finally:
    took = time.monotonic() - began
    assert 0.4 < took < 1.5 * $KFS_SLOWER, '$call'.replace(chr(34), '') + f' took {took} s'"
done
timeout -s KILL 0.5 mkdir "$MNT/other" && fail "mkdir did not wait"
equal "" "$(grep -E '"(open|mkdir|setxattr|rmdir)"' "$MNT/.kinesisfs/errors" || true)" "what is said of interruptions"
