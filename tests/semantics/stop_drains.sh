#!/bin/bash
# SIGTERM and SIGINT make records of unfinished lines, sync, end waiting readers, unmount, and exit with 0.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
for signal in TERM INT; do
    exec 5>>"$shard"
    printf 'unfinished %s' $signal >&5
    timeout 30 cat "$MNT/s@follow/all" >"$WORK/followed" 2>/dev/null &
    reader=$!
    kill -$signal "$DAEMON"
    reap
    wait "$reader" && fail "the reader saw an end that was none"
    exec 5>&- || true
    mountpoint -q "$MNT" && fail "still mounted"
    mount_fs
    grep -qx "unfinished $signal" "$shard"
done
