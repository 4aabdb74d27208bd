#!/bin/bash
# What the endpoint refused for good is in dead_letters, and is sent again when that is asked for.
. "$(dirname "$0")/lib_remote.sh"
endpoint own
mount_remote --refresh=1h
mkdir "$MNT/clicks"
shard=$MNT/clicks/shardId-000000000000 dead=$MNT/.kinesisfs/dead_letters
setfattr -n user.kinesis.max_record_kib -v 2048 "$MNT/clicks"
equal 0 "$(attribute dead_letters "$shard")" "dead letters at first"
refuse_over 1024
(head -c 1500000 /dev/zero | tr '\0' x && echo) >"$WORK/large"
if env cat "$WORK/large" 2>"$WORK/said" >>"$shard"; then fail "a close that should have failed"; fi
equal 1 "$(attribute dead_letters "$shard")" "dead letters"
equal '["clicks","shardId-000000000000",1500000]' \
    "$(jq -c '[.StreamName, .ShardId, (.Data | length)]' "$dead")" "the file dead_letters"
expect_errno EINVAL 'os.setxattr("clicks/shardId-000000000000", "user.kinesis.dead_letters", b"keep")'
unmount_fs
mount_remote --refresh=1h
refuse_over 2048
setfattr -n user.kinesis.dead_letters -v resend "$shard"
wait_for 10 spool_is_empty
cmp "$shard" "$WORK/large"
equal 0 "$(wc -l <"$dead")" "dead letters after the resending"
