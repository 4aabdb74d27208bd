#!/bin/bash
# all shows the records of every shard by arrival, within a shard in its order, and does not end where one is closed.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s@shards=3"
for i in $(seq 20); do
    for n in 0 1 2; do echo "$n $i" >>"$MNT/s/shardId-00000000000$n"; done
done
for n in 0 1 2; do
    equal "$(seq 20)" "$(grep "^$n " "$MNT/s/all" | cut -d' ' -f2)" "shard $n"
done
equal 60 "$(wc -l <"$MNT/s/all")" "lines"
jq -r .ApproximateArrivalTimestamp "$MNT/s@json/all" | sort -c
remount
equal 60 "$(wc -l <"$MNT/s/all")" "lines after a remount"
