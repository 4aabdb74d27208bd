#!/bin/bash
# echo, cat, tail -f and rsyslog on every endpoint, and boto3 on its far side: it reads what the file's writers wrote,
# and they what it put.
# timeout: 300
. "$(dirname "$0")/lib_remote.sh"
need_python
need rsyslogd logger
main_job() {
    mkdir "$MNT/clicks@shards=2"
    shard=$MNT/clicks/shardId-000000000001
    echo first >>"$shard"
    equal first "$(cat "$shard")" "$kind: what was written"
    tail -n +1 -f "$shard" >"$WORK/tail" &
    seq 1 300 >>"$shard"
    rsyslog_into "$shard"
    seq -f "writer 1 line %.0f end" 300 | logger -u "$WORK/socket" -t sender
    wait_for 10 grep -q 'line 300 end' "$WORK/tail"
    py remote_far_side.py "$shard" >"$WORK/far" # puts a record too
    equal "first 300" "$(sed -n '1p; 301p' "$WORK/far" | xargs)" "$kind: what boto3 got"
    tail -n +302 "$WORK/far" >"$WORK/logged"
    check_writers "$WORK/logged" 1 300
    wait_for 10 grep -qx 'from boto3' "$WORK/tail"
    { cat "$WORK/far" && echo 'from boto3'; } | cmp - "$WORK/tail"
    cmp "$shard" "$WORK/tail"
    rmdir "$MNT/clicks"
}
on_each main_job "$KINDS"
