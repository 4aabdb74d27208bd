#!/bin/bash
# tail -f prints each record of @json, @nul, @raw and @len once as it comes.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
echo before >>"$MNT/s/all"
for view in json nul raw len; do
    tail -s 0.1 -c +1 -f "$MNT/s@$view/all" >"$WORK/$view.all" 2>&1 &
    tail -s 0.1 -c +1 -f "$MNT/s@$view/shardId-000000000000" >"$WORK/$view.shard" 2>&1 &
done
for i in 1 2 3 4 5; do
    seq "$((i * 1000))" "$((i * 1000 + 99))" >>"$MNT/s/all"
    sleep 0.2
done
for view in json nul raw len; do
    wait_for 10 cmp -s "$WORK/$view.all" "$MNT/s@$view/all"
    wait_for 10 cmp -s "$WORK/$view.shard" "$MNT/s@$view/shardId-000000000000"
done
