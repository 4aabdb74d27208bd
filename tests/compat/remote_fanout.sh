#!/bin/bash
# With fanout a reader has what boto3 puts, over HTTP and TLS, and no GetRecords is made meanwhile; without a reader there
# is no subscription.
# timeout: 120
. "$(dirname "$0")/lib_remote.sh"
need_python
reads_by() { [ "$(shard_status read_by)" = "$1" ]; }
for kind in own own-tls kinesis-local-tls; do
    PORT=
    endpoint "$kind"
    mount_remote --fanout=reader
    mkdir "$MNT/$kind"
    shard=$MNT/$kind/shardId-000000000000
    echo 1 >>"$shard"
    tail -n +1 -f "$shard" >"$WORK/tail" &
    wait_for 20 reads_by fanout
    before=$(shard_status get_requests)
    py remote_latency.py "$shard" "$WORK/tail" 5 >"$WORK/ms"
    seq 1 6 | cmp - "$WORK/tail"
    equal "$before" "$(shard_status get_requests)" "$kind: GetRecords"
    same "$shard" "$WORK/tail" # cat asks for the tip itself
    kill $!
    wait_for 10 reads_by polling
    unmount_fs
    endpoint_down
    rm -r "$WORK/spool"
done
