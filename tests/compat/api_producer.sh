#!/bin/bash
# A producer that creates its stream and puts 25 documents, a consumer that starts later, and
# the same stream through the mount at the same time.
. "$(dirname "$0")/lib_api.sh"

need_python
mount_api
py tutorial/producer.py 0.1 &
producer=$!
wait_for 20 test -s "$MNT/people/shardId-000000000000"
tail -n +1 -f "$MNT/people/shardId-000000000000" >"$WORK/tailed" &
py tutorial/consumer.py >"$WORK/consumed"
wait $producer
for number in $(seq 25); do
    echo "{\"number\": $number, \"name\": \"ruan\", \"age\": 30}"
done >"$WORK/expected"
same "$WORK/expected" "$WORK/consumed"
has_all() { [ "$(wc -l <"$WORK/tailed")" -eq 25 ]; }
wait_for 10 has_all
same "$WORK/expected" "$WORK/tailed"
