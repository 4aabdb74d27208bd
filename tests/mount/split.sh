#!/bin/bash
# split reads a shard in pieces, and csplit; put together they are the shard.
. "$(dirname "$0")/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
seq 20000 >>"$shard"
cd "$WORK"
split -l 777 "$shard" lines.
split -b 10000 "$shard" bytes.
split -n l/9 "$shard" ninth.
for kind in lines bytes ninth; do cat $kind.* | cmp - "$shard"; done
csplit -s -f cut. "$shard" 10 100 1000
cat cut.* | cmp - "$shard"
