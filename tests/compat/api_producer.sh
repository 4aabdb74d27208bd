#!/bin/bash
# A producer that creates its stream and puts 25 documents, a consumer that starts later, and
# the same stream through the mount at the same time. Then the producer again, to a stream that is there.
. "$(dirname "$0")/lib_api.sh"

need_python
mount_api
export PAUSE=0.1
py tutorial/producer.py &
producer=$!
lines() { [ "$(wc -l <"$2")" -ge "$1" ]; }
wait_for 20 test -s "$MNT/people/shardId-000000000000"
tail -n +1 -f "$MNT/people/shardId-000000000000" >"$WORK/tailed" &
wait_for 20 lines 7 "$WORK/tailed"
py tutorial/consumer.py >"$WORK/consumed"
wait $producer
for number in $(seq 25); do
    echo "{\"number\": $number, \"name\": \"ruan\", \"age\": 30}"
done >"$WORK/expected"
same "$WORK/expected" "$WORK/consumed"
wait_for 10 lines 25 "$WORK/tailed"
same "$WORK/expected" "$WORK/tailed"
PAUSE=0 py tutorial/producer.py
equal 50 "$(wc -l <"$MNT/people/shardId-000000000000")" "documents"
