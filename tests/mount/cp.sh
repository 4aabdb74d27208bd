#!/bin/bash
# cp to a shard appends the file, whatever is there; cp -f and -p too; cp from it makes the same file; mv is refused.
. "$(dirname "$0")/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
seq 1000 >"$WORK/one"
seq 1001 2000 >"$WORK/two"
cp "$WORK/one" "$shard"
cp -p "$WORK/two" "$shard" 2>/dev/null || true # it cannot keep the times of its source, cp itself does not mind
seq 2000 | cmp - "$shard"
cp "$shard" "$WORK/copy"
cp -a "$MNT/s" "$WORK/dir" 2>/dev/null
same "$shard" "$WORK/copy"
same "$shard" "$WORK/dir/all"
mv "$WORK/two" "$shard" 2>/dev/null && fail "mv over a shard"
[ -s "$WORK/two" ] || fail "mv has removed its source"
cp "$WORK/two" "$MNT/s/new" 2>/dev/null && fail "cp to another name"
tar -C "$MNT" -cf "$WORK/s.tar" s
tar -C "$WORK" -xf "$WORK/s.tar"
same "$shard" "$WORK/s/shardId-000000000000"
