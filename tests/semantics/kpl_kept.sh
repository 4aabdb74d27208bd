#!/bin/bash
# That a shard has aggregates outlives a remount, kill -9, retention and a split; fsck finds it right.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs --segment-size=64K --retention-size=200K
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
seq 1000 | tee "$WORK/want" >>"$shard"
seq 2000 | tee -a "$WORK/want" >>"$MNT/s@kpl/shardId-000000000000"
kill9
mount_fs --segment-size=64K --retention-size=200K
same "$WORK/want" "$shard"
remount --segment-size=64K --retention-size=200K
same "$WORK/want" "$shard"
setfattr -n user.kinesis.shard_count -v 2 "$MNT/s"
same "$WORK/want" "$shard"
seq 3000 | tee -a "$WORK/want" >>"$MNT/s@kpl/all"
sort -n "$MNT/s/all" | cmp - <(sort -n "$WORK/want")
child=shardId-000000000001
trimmed() {
    seq 20000 >>"$MNT/s@kpl/$child" && sync "$MNT/s/$child"
    [ "$(head -n 1 "$MNT/s/$child" | wc -c)" -gt 0 ] && [ ! -e "$STORE/streams/s/$child/00000000000000000000.data" ]
}
wait_for 20 trimmed
equal 0 "$(tr -d '0-9\n' <"$MNT/s/$child" | wc -c)" "bytes that are of no number"
unmount_fs
"$(dirname "$KFS_BIN")/fsck.kinesisfs" "$STORE"
