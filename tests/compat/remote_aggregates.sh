#!/bin/bash
# Aggregates that Amazon's library puts to an endpoint are lines in the files of a remote mount, also in one that was open
# before the first came; the mirror knows of them after a remount and kill -9.
. "$(dirname "$0")/lib_remote.sh"
need_python
seq 3000 >"$WORK/lines"
endpoint own
mount_remote --refresh=200ms
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
echo first >>"$shard"
tail -c +1 -s 0.1 -f "$shard" >"$WORK/tail" 2>&1 &
wait_for 20 grep -q first "$WORK/tail"
py kpl_views.py put s "$WORK/lines"
{ echo first && cat "$WORK/lines"; } >"$WORK/want"
wait_for 20 cmp -s "$WORK/want" "$WORK/tail"
stop_jobs
check() {
    for file in "$shard" "$MNT/s/all"; do same "$WORK/want" "$file"; done
    equal '["77","key-77"]' "$(sed -n 78p "$MNT/s@json/all" | jq -c '[.Data,.PartitionKey]')"
    [ "$(stored "$MNT/s")" -lt 10 ] || fail "not as stored"
}
check
unmount_fs
mount_remote --refresh=200ms
check
kill9
mount_remote --refresh=200ms
check
