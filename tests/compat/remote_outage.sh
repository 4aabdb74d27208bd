#!/bin/bash
# Writers go on without the endpoint, and 10,000 records unsent survive a kill -9 of kinesisfs: nothing is lost,
# the order stays.
# timeout: 120
. "$(dirname "$0")/lib_remote.sh"
endpoint own
mount_remote --pace=no
mkdir "$MNT/clicks"
shard=$MNT/clicks/shardId-000000000000
seq 1 1000 >>"$shard"
endpoint_down
for i in $(seq 2 11); do seq $((i * 1000 - 999)) $((i * 1000)) >>"$shard"; done
[ "$(status spool_bytes)" -gt 50000 ] || fail "the spool holds $(status spool_bytes) bytes"
kill9
mount_remote --pace=no # comes up without the endpoint
echo 11001 >>"$shard"
equal False "$(status reachable)" "reachable"
endpoint own
wait_for 30 spool_is_empty
# A request whose answer was lost may have come twice.
in_order "$shard" | cmp - <(seq 1 11001)
