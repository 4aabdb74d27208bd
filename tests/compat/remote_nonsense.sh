#!/bin/bash
# Answers of status 500, cut in the middle, no JSON, and 100 MB long, to writes and reads: nothing is lost, first
# copies are in order, status says what it was, and the daemon stays small.
. "$(dirname "$0")/lib_remote.sh"
endpoint own
proxy
mount_remote --pace=no
mkdir "$MNT/clicks"
shard=$MNT/clicks/shardId-000000000000
cat "$MNT/clicks@follow/shardId-000000000000" >"$WORK/tail" &
n=0
for kind in error cut garbage huge; do
    fault "$kind"
    seq $((n + 1)) $((n + 1000)) >>"$shard"
    n=$((n + 1000))
    wait_for 10 grep -q "PutRecords $kind" "$WORK/requests"
    wait_for 10 grep -q "Get[A-Za-z]* $kind" "$WORK/requests"
    equal True "$(shard_status failing)" "failing"
    [ $kind != error ] || equal "HTTP-500 by-the-proxy True" \
        "$(shard_status last_error_code) $(shard_status last_error_request) $(status reachable)" "what is said of 500"
    fault pass
    wait_for 20 spool_is_empty
done
in_order "$shard" | cmp - <(seq 1 $n)
wait_for 20 cmp -s "$shard" "$WORK/tail"
peak=$(awk '/VmHWM/ { print $2 }' "/proc/$DAEMON/status")
[ "$peak" -lt 100000 ] || fail "the daemon took $peak kB"
