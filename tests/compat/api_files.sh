#!/bin/bash
# What a shell writes to a file, a program with boto3 reads as records, while the shell goes on.
. "$(dirname "$0")/lib_api.sh"

need_python
mount_api
mkdir "$MNT/people"
py tutorial/consumer.py >"$WORK/consumed" &
consumer=$!
for number in $(seq 25); do
    echo "{\"number\": $number}" | tee -a "$WORK/expected" >>"$MNT/people/shardId-000000000000"
    sleep 0.1
done
wait $consumer
same "$WORK/expected" "$WORK/consumed"
