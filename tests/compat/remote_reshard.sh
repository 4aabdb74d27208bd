#!/bin/bash
# Where the endpoint has no UpdateShardCount a resize is made of splits and merges.
. "$(dirname "$0")/lib_remote.sh"
endpoint kinesalite
mount_remote --refresh=200ms
mkdir "$MNT/clicks@shards=2"
seq 1 100 >>"$MNT/clicks/all"
wait_for 20 spool_is_empty
setfattr -n user.kinesis.shard_count -v 3 "$MNT/clicks"
equal 3 "$(attribute shard_count "$MNT/clicks")" "shards"
seq 101 200 >>"$MNT/clicks/all"
setfattr -n user.kinesis.shard_count -v 1 "$MNT/clicks"
seq 201 300 >>"$MNT/clicks/all"
wait_for 20 spool_is_empty
sort -n "$MNT/clicks/all" | cmp - <(seq 1 300)
