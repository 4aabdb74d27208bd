#!/bin/bash
# The endpoint throttles half of what it is asked, and entries of what it takes (a minute long with KFS_SOAK): each
# record comes once, as no answer is lost; with ordering=strict in the file's order.
# timeout: 240
. "$(dirname "$0")/lib_remote.sh"
endpoint own --api-limits --api-faults=throttle:0.5
lines=$([ -n "${KFS_SOAK:-}" ] && echo 60000 || echo 4000)
mount_remote --pace=no
mkdir "$MNT/clicks" "$MNT/strict"
setfattr -n user.kinesis.tag.of -v throttling "$MNT/clicks"
seq 1 "$lines" >>"$MNT/clicks/shardId-000000000000"
wait_for 200 spool_is_empty
[ "$(shard_status throttled)" -gt $((lines / 4)) ] || fail "$(shard_status throttled) entries were throttled"
sort -n "$MNT/clicks/shardId-000000000000" | cmp - <(seq 1 "$lines")
unmount_fs
mount_remote --ordering=strict --linger=0
seq 1 20 >>"$MNT/strict/shardId-000000000000"
wait_for 60 spool_is_empty
cmp "$MNT/strict/shardId-000000000000" <(seq 1 20)
