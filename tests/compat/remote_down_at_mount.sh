#!/bin/bash
# A mount comes up without its endpoint: what was mirrored is read, what is written waits, status says so; and it
# unmounts in bounded time, saying what remains.
. "$(dirname "$0")/lib_remote.sh"
endpoint own
mount_remote
mkdir "$MNT/clicks"
shard=$MNT/clicks/shardId-000000000000
seq 1 1000 >>"$shard"
cmp "$shard" <(seq 1 1000)
unmount_fs
endpoint_down
mount_remote
begin=$SECONDS
cmp "$shard" <(seq 1 1000)
seq 1001 2000 >>"$shard"
equal clicks "$(ls "$MNT")" "streams"
equal False "$(status reachable)" "reachable"
equal 5000 "$(status spool_bytes)" "bytes that wait"
[ $((SECONDS - begin)) -lt 10 ] || fail "it took $((SECONDS - begin)) s"
begin=$SECONDS
unmount_fs
[ $((SECONDS - begin)) -lt 5 ] || fail "unmounting took $((SECONDS - begin)) s, the drain is 1 s"
grep -q '5000 bytes' "$LOG" || fail "not said what remains"
endpoint own
mount_remote
wait_for 20 spool_is_empty
cmp "$shard" <(seq 1 2000)
