#!/bin/bash
# 200 waiting readers, each killed by a signal while stat answers.
# timeout: 120
. "$(dirname "$0")/lib.sh"

waits() { awk '/^kinesisfs_waits_total/ { exit $2 < '"$1"' }' "$MNT/.kinesisfs/metrics"; }

mount_fs
mkdir "$MNT/s"
readers=()
for i in $(seq 100); do
    cat "$MNT/s@follow/shardId-000000000000" >/dev/null &
    readers+=($!)
    env --default-signal=INT cat "$MNT/s@follow/all" >/dev/null &
    readers+=($!)
done
wait_for 20 waits 200
for i in "${!readers[@]}"; do
    if [ $((i % 2)) -eq 0 ]; then kill -KILL "${readers[i]}"; else kill -INT "${readers[i]}"; fi
    [ $((i % 20)) -ne 0 ] || timeout 5 stat "$MNT/s/all" >/dev/null || fail "stat hangs"
    wait "${readers[i]}" 2>/dev/null && fail "a reader ended by itself"
done
timeout 5 stat "$MNT/s/all" >/dev/null || fail "stat hangs"
