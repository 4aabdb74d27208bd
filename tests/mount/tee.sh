#!/bin/bash
# Four tee -a write to one shard: every line is there once, whole, in its writer's order, in the copies too.
. "$(dirname "$0")/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
jobs=()
for w in 1 2 3 4; do
    seq -f "writer $w line %.0f and some more text" 20000 | tee -a "$shard" >"$WORK/copy.$w" &
    jobs+=($!)
done
wait "${jobs[@]}"
for w in 1 2 3 4; do
    grep "^writer $w " "$shard" | cmp - "$WORK/copy.$w" || fail "writer $w"
done
equal 80000 "$(wc -l <"$shard")" "lines"
