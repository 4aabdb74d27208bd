#!/bin/bash
# rsync --append --inplace adds what is new, to a shard and from it; plain rsync is refused and harms nothing.
. "$(dirname "$0")/lib.sh"

command -v rsync >/dev/null || skip "needs rsync"
mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
seq 5000 >"$WORK/log"
rsync --append --inplace "$WORK/log" "$shard"
seq 5001 9000 >>"$WORK/log"
rsync --append --inplace "$WORK/log" "$shard"
rsync --append --inplace "$WORK/log" "$shard"
same "$WORK/log" "$shard"
rsync "$WORK/log" "$shard" 2>"$WORK/said" && [ -s "$WORK/said" ] && fail "plain rsync"
rsync --ignore-times "$WORK/log" "$shard" 2>"$WORK/said" && fail "plain rsync was taken"
grep -q 'Operation not permitted' "$WORK/said"
same "$WORK/log" "$shard"
rsync --append "$shard" "$WORK/copy"
echo more >>"$shard"
rsync --append "$shard" "$WORK/copy"
same "$shard" "$WORK/copy"
