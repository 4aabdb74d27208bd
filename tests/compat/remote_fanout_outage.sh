#!/bin/bash
# Subscriptions that are cut, bring a wrong byte or go silent, and an endpoint that is killed and comes back: the reader has
# every record once and in order.
# timeout: 120
. "$(dirname "$0")/lib_remote.sh"
endpoint own
proxy
mount_remote --fanout=reader
mkdir "$MNT/clicks"
shard=$MNT/clicks/shardId-000000000000
tail -n +1 -f "$shard" >"$WORK/tail" &
reads_by() { [ "$(shard_status read_by)" = "$1" ]; }
n=0
more() { seq $((n * 100 + 1)) $((n * 100 + 100)) >>"$shard" && n=$((n + 1)); }
for kind in cut garbage stall; do
    wait_for 30 reads_by fanout
    fault "$kind" SubscribeToShard
    more
    wait_for 30 reads_by polling
    fault pass
done
wait_for 30 reads_by fanout
endpoint_down
wait_for 20 reads_by polling
more # to the spool
endpoint own
wait_for 40 reads_by fanout
all_there() { seq 1 400 | cmp -s - "$WORK/tail"; }
wait_for 20 all_there
