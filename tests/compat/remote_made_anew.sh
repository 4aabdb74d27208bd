#!/bin/bash
# A stream deleted elsewhere, and another made by its name: who had it open is told, the new one is empty and takes
# records, what was not acknowledged of the old one is kept aside.
. "$(dirname "$0")/lib_remote.sh"
need_python
endpoint own --api-status-delay=0
mount_remote --refresh=200ms
mkdir "$MNT/clicks"
shard=$MNT/clicks/shardId-000000000000
echo old >>"$shard"
equal old "$(cat "$shard")"
cat "$MNT/clicks@follow/shardId-000000000000" >"$WORK/tail" 2>"$WORK/said" &
tail=$!
exec 5>>"$shard"
aws kinesis delete-stream --stream-name clicks
sleep 1.1 # streams of one name are told apart by the second of their creation
aws kinesis create-stream --stream-name clicks --shard-count 1
is_empty() { [ "$(stat -c %s "$shard")" = 0 ]; }
wait_for 20 is_empty
if env echo late 1>&5 2>"$WORK/said5"; then fail "a record was taken for a stream that is gone"; fi
exec 5>&-
wait_for 20 eval "! kill -0 $tail 2>/dev/null"
echo new >>"$shard"
equal new "$(cat "$shard")"
far=$(aws kinesis get-records --query 'Records[].Data' --output text --shard-iterator "$(aws kinesis get-shard-iterator \
    --stream-name clicks --shard-id 0 --shard-iterator-type TRIM_HORIZON --query ShardIterator --output text)")
equal new "$(base64 -d <<<"$far")" "what the new stream has"
