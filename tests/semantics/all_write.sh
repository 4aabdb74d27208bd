#!/bin/bash
# A line written to all gets a random partition key, which spreads the lines over the shards.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s@shards=4"
seq 1000 >>"$MNT/s/all"
for n in 0 1 2 3; do
    lines=$(wc -l <"$MNT/s/shardId-00000000000$n")
    if [ "$lines" -lt 150 ] || [ "$lines" -gt 350 ]; then fail "$lines lines in shard $n"; fi
done
seq 1000 >"$WORK/want"
sort -n "$MNT/s/all" | cmp - "$WORK/want"
