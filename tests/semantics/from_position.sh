#!/bin/bash
# from=: a file begins at start, end, so long ago, a time, so many records before the end, a number, or after one.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs --shards=2
mkdir "$MNT/s"
shard=shardId-000000000000
seq 1 50 >>"$MNT/s/$shard"
seq 101 150 >>"$MNT/s/shardId-000000000001"
sleep 3.1
now=$(date -u +%FT%T.%3NZ)
seq 51 60 >>"$MNT/s/$shard"
for file in "$shard" all; do
    for from in -3s "$now" -10; do
        equal "$(seq 51 60)" "$(<"$MNT/s@from=$from/$file")" "from=$from of $file"
    done
    equal "" "$(<"$MNT/s@from=end/$file")" "from=end of $file"
    same "$MNT/s@from=start/$file" "$MNT/s/$file"
    same "$MNT/s@from=-1h/$file" "$MNT/s/$file"
    equal "$(seq 58 60 | wc -c)" "$(stat -c %s "$MNT/s@from=-3/$file")" "size of $file"
    equal '"59" "60"' "$(jq -c .Data "$MNT/s@json,from=-2/$file" | xargs -d '\n')" "json of $file"
done
number=$(tail -n 3 "$MNT/s@json/$shard" | jq -r .SequenceNumber | head -n 1)
equal "$(seq 58 60)" "$(<"$MNT/s@from=$number/$shard")"
equal "$(seq 59 60)" "$(<"$MNT/s@from=after:$number/$shard")"
for line in 2 60 110; do
    number=$(sed -n "${line}p" "$MNT/s@json/all" | jq -r .SequenceNumber)
    equal "$(tail -n "+$line" "$MNT/s/all")" "$(<"$MNT/s@from=$number/all")" "from line $line of all"
done
equal "$(seq 51 60)" "$(<"$MNT/s@from=${now//:/%3A}/$shard")" "percent-encoded"
