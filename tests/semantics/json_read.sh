#!/bin/bash
# json shows a record as one line: number, key, arrival, shard, and Data, or DataBase64 where it is not UTF-8.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
printf 'caf\303\251 "q"\n\377\na\0b\n' >>"$shard"
jq -se 'length == 3' "$MNT/s@json/all" >/dev/null
jq -se '.[0].Data == "café \"q\"" and .[1].DataBase64 == "/w==" and .[1].Data == null and .[2].Data == "a\u0000b"' \
    "$MNT/s@json/all" >/dev/null
jq -se 'all(.ShardId == "shardId-000000000000" and (.SequenceNumber | test("^[0-9]{56}$")) and
    (.PartitionKey | length > 0) and (.ApproximateArrivalTimestamp | test("^....-..-..T..:..:..\\....Z$")))' \
    "$MNT/s@json/shardId-000000000000" >/dev/null
