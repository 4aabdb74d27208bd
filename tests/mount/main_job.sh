#!/bin/bash
# The main job: 25 documents written by a shell loop, followed in two ways while
# they are written, and all there after a remount.
. "$(dirname "$0")/lib.sh"

document() { # NUMBER
    printf '{"number":%d,"name":"ruan","age":30}\n' "$1"
}

mount_fs
mkdir "$MNT/mystream"
shard=$MNT/mystream/shardId-000000000000
for i in $(seq 25); do document "$i"; done >"$WORK/want"

tail -f "$shard" >"$WORK/tailed" &
# shellcheck disable=SC2002 # as it is typed
cat "$MNT/mystream@follow/all" | jq --unbuffered -c . >"$WORK/followed" &
for i in $(seq 25); do
    document "$i" >>"$shard"
    sleep 0.1
done
wait_for 10 cmp -s "$WORK/want" "$WORK/tailed"
wait_for 10 cmp -s "$WORK/want" "$WORK/followed"

stop_jobs
remount
same "$WORK/want" "$shard"
same "$WORK/want" "$MNT/mystream/all"
