#!/bin/bash
# key=K: K is the partition key of what is written, key=random and keyfrom=random a random one; a key in json comes first.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs --shards=4
mkdir "$MNT/s" "$MNT/t"
seq 1 5 >>"$MNT/s@key=user%2C%201/all"
echo 6 >>"$MNT/s@key=K/shardId-000000000003"
echo '{"Data":"7","PartitionKey":"own"}' >>"$MNT/s@json,key=K/all"
echo '{"Data":"8"}' >>"$MNT/s@json,key=K/all"
keys() { jq -rs 'sort_by(.Data)[].PartitionKey' "$MNT/$1@json/all" | uniq -c | xargs; }
equal '5 user, 1 1 K 1 own 1 K' "$(keys s)"
equal 1 "$(jq -r 'select(.PartitionKey == "user, 1").ShardId' "$MNT/s@json/all" | sort -u | wc -l)" "shards of one key"
grep -qx 6 "$MNT/s/shardId-000000000003"
echo x >>"$MNT/t/shardId-000000000000"
seq 20 >>"$MNT/t@key=random/shardId-000000000000"
seq 20 >>"$MNT/t@keyfrom=random/all"
equal 41 "$(jq -r .PartitionKey "$MNT/t@json/all" | sort -u | wc -l)" "keys"
equal 21 "$(jq -r .PartitionKey "$MNT/t@json/shardId-000000000000" | head -n 21 | sort -u | wc -l)" "keys in a shard"
grep -q '"keyless_records":0,' "$MNT/.kinesisfs/status.json"
