#!/bin/bash
# rsyslog's omfile writes remote shards, at once and with buffers, through an outage of the endpoint: boto3 gets
# every message of four senders, in its sender's order.
# timeout: 120
. "$(dirname "$0")/lib_remote.sh"
need_python
need rsyslogd logger
endpoint own
mount_remote --pace=no
mkdir "$MNT/plain" "$MNT/async"
shard=shardId-000000000000
rsyslog_into "$MNT/plain/$shard" "$MNT/async/$shard"
for writer in 1 2 3 4; do seq -f "writer $writer line %.0f end" 1000 | logger -u "$WORK/socket" -t sender & done
endpoint_down
sleep 1
kill -HUP "$(cat "$WORK/pid")"
endpoint own
arrived() { py remote_reader.py "$1/$shard" | awk '!seen[$0]++' >"$WORK/$1" && lines_are "$WORK/$1" 4000; }
for s in plain async; do
    wait_for 30 arrived $s
    check_writers "$WORK/$s" 4 1000
done
