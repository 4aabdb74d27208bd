#!/bin/bash
# dd appends, with and without oflag=append conv=notrunc; skip= and count= read what they should; seek= is refused.
. "$(dirname "$0")/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
seq 100000 >"$WORK/one"
dd if="$WORK/one" of="$shard" bs=4093 status=none
dd if="$WORK/one" of="$shard" bs=1M oflag=append conv=notrunc status=none
cat "$WORK/one" "$WORK/one" >"$WORK/want"
same "$WORK/want" "$shard"
dd if="$WORK/one" bs=100 count=7 of="$shard" seek=1 conv=notrunc status=none 2>"$WORK/said" && fail "seek=1 was taken"
grep -q 'Operation not permitted' "$WORK/said"
same "$WORK/want" "$shard"
for what in "bs=777 skip=100 count=3" "bs=1M skip=1" "bs=512 count=5" "bs=1 skip=5000 count=20" "skip=7 iflag=skip_bytes"; do
    # shellcheck disable=SC2086 # words
    cmp <(dd if="$shard" status=none $what) <(dd if="$WORK/want" status=none $what) || fail "dd $what"
done
cmp <(dd if="$shard" bs=512 count=5 iflag=direct status=none) <(head -c 2560 "$WORK/want")
echo sync | dd of="$shard" conv=notrunc,fsync oflag=append,sync status=none
equal sync "$(tail -n 1 "$shard")"
