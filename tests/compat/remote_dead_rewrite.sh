#!/bin/bash
# Lines of dead_letters can be written to the view json; dropped letters are gone.
. "$(dirname "$0")/lib_remote.sh"
endpoint own
mount_remote --refresh=1h
mkdir "$MNT/clicks"
shard=$MNT/clicks/shardId-000000000000 dead=$MNT/.kinesisfs/dead_letters
setfattr -n user.kinesis.max_record_kib -v 2048 "$MNT/clicks"
refuse_over 1024
(head -c 1500000 /dev/zero | tr '\0' x && echo) >"$WORK/large"
env cat "$WORK/large" 2>/dev/null >>"$shard" || true
cp "$dead" "$WORK/kept"
setfattr -n user.kinesis.dead_letters -v drop "$shard"
equal 0 "$(attribute dead_letters "$shard")" "dead letters after the dropping"
refuse_over 2048
cat "$WORK/kept" >>"$MNT/clicks@json/all"
wait_for 10 spool_is_empty
cmp "$shard" "$WORK/large"
