#!/bin/bash
# The lines of json can be written back: Data, DataBase64 and PartitionKey are taken, the rest is given anew.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
printf 'text\n\377\nx\0\ny' >>"$shard"
mkdir "$MNT/copy@shards=2"
cat "$MNT/s@json/all" >>"$MNT/copy@json/all"
part() { jq -c '[.PartitionKey, .Data, .DataBase64]' "$MNT/$1@json/all" | sort; }
equal "$(part s)" "$(part copy)"
printf '%s\n' '{"Data":"a\nb","PartitionKey":"k"}' >>"$MNT/s@json/shardId-000000000000"
equal '["k","a\nb",null]' "$(part s | grep k)" "a record with a newline"
