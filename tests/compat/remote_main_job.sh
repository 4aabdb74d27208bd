#!/bin/bash
# echo, cat and tail -f on an endpoint, and boto3 on its far side.
# timeout: 180
. "$(dirname "$0")/lib_remote.sh"
need_python
for kind in own own-tls kinesalite kinesis-local kinesis-local-tls; do
    PORT=
    endpoint "$kind"
    mount_remote
    mkdir "$MNT/clicks@shards=2"
    shard=$MNT/clicks/shardId-000000000001
    echo first >>"$shard"
    equal first "$(cat "$shard")" "$kind: what was written"
    tail -n +1 -f "$shard" >"$WORK/tail" &
    seq 1 300 >>"$shard"
    py remote_far_side.py "$shard" >"$WORK/far" # puts a record too
    equal "first 300" "$(head -n 1 "$WORK/far") $(tail -n 1 "$WORK/far")" "$kind: what boto3 got"
    wait_for 10 grep -qx 'from boto3' "$WORK/tail"
    { echo first && seq 1 300 && echo 'from boto3'; } | cmp - "$WORK/tail"
    cmp "$shard" "$WORK/tail"
    rmdir "$MNT/clicks"
    unmount_fs
    endpoint_down
    rm -r "$WORK/spool"
done
