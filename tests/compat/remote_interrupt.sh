#!/bin/bash
# An fsync that waits for an endpoint that is away ends with EINTR at a signal; the records stay, and their age is told.
. "$(dirname "$0")/lib_remote.sh"
endpoint own
mount_remote
mkdir "$MNT/clicks"
shard=$MNT/clicks/shardId-000000000000
echo one >>"$shard"
wait_for 10 spool_is_empty
endpoint_down
echo two >>"$shard"
expect_errno EINTR '
import signal
def caught(*_): raise InterruptedError(4, "caught")
signal.signal(signal.SIGALRM, caught)
signal.setitimer(signal.ITIMER_REAL, 0.5)
os.fsync(os.open("clicks/shardId-000000000000", os.O_WRONLY))'
timeout -s INT 1 sync "$shard" && fail "an fsync that should have been interrupted"
age=$(jq '.remote_shards[0].oldest_age_ms' "$MNT/.kinesisfs/status.json")
[ "$age" -gt 1000 ] || fail "the age of the oldest record is $age ms"
endpoint own
sync "$shard"
equal 0 "$(jq '.remote_shards[0].oldest_age_ms' "$MNT/.kinesisfs/status.json")" "age when all is acknowledged"
cmp "$shard" <(printf "one\ntwo\n")
