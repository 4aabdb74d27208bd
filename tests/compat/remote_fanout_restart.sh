#!/bin/bash
# After a kill -9 and after an unmount the mirror goes on behind its last record: what came meanwhile is there, nothing twice.
. "$(dirname "$0")/lib_remote.sh"
endpoint own
mount_remote --fanout=reader
mkdir "$MNT/clicks"
shard=$MNT/clicks/shardId-000000000000
reads_by() { [ "$(shard_status read_by)" = "$1" ]; }
have() { seq 1 "$1" | cmp -s - "$WORK/tail"; }
put() { # FROM TO
    seq -f '{"Data":"%g","PartitionKey":"k"}' "$1" "$2" | jq -c '.Data |= @base64' |
        jq -sc '{StreamName: "clicks", Records: .}' | curl -sf "$URL" -o "$WORK/out" -d @- \
        --aws-sigv4 aws:amz:us-east-1:kinesis --user any:any \
        -H 'Content-Type: application/x-amz-json-1.1' -H 'X-Amz-Target: Kinesis_20131202.PutRecords'
}
for round in 1 2 3; do
    tail -n +1 -f "$shard" >"$WORK/tail" &
    wait_for 20 reads_by fanout
    put $((round * 200 - 199)) $((round * 200 - 100))
    wait_for 20 have $((round * 200 - 100))
    kill $!
    if [ "$round" = 1 ]; then kill9; else unmount_fs; fi
    put $((round * 200 - 99)) $((round * 200))
    mount_remote --fanout=reader
done
equal 600 "$(wc -l <"$shard")"
