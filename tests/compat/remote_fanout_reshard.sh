#!/bin/bash
# A resize under a reader with fanout: what was split ends, its children are subscribed to, and nothing is lost or doubled.
. "$(dirname "$0")/lib_remote.sh"
need_python
endpoint own
mount_remote --fanout=reader --refresh=1s
mkdir "$MNT/clicks"
cat "$MNT/clicks@follow/all" >"$WORK/all" &
cat "$MNT/clicks@follow/shardId-000000000000" >"$WORK/parent" &
parent=$!
subscribed() { [ "$(grep -o '"read_by":"fanout"' "$MNT/.kinesisfs/status.json" | wc -l)" -eq "$1" ]; }
wait_for 20 subscribed 1
seq 1 100 >>"$MNT/clicks/all"
aws kinesis update-shard-count --stream-name clicks --target-shard-count 2 --scaling-type UNIFORM_SCALING >"$WORK/out"
wait_for 20 test -e "$MNT/clicks/shardId-000000000002"
wait_for 20 subscribed 2
wait "$parent" # at the end of a closed shard who follows it ends too
seq 101 200 >>"$MNT/clicks/all"
all_there() { sort -n "$WORK/all" | cmp -s - <(seq 1 200); }
wait_for 20 all_there
seq 1 100 | cmp - "$WORK/parent"
