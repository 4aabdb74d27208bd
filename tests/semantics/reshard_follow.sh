#!/bin/bash
# With on_closed=follow closed shards stay writable, and a write to one goes to the shard that owns its hash key now.
. "$(dirname "$0")/../mount/lib.sh"
mount_fs --on-closed=follow
mkdir "$MNT/clicks"
shard=$MNT/clicks/shardId-000000000000
(for i in $(seq 1 300); do echo "$i" && sleep 0.005; done >>"$shard") &
sleep 0.5
setfattr -n user.kinesis.shard_count -v 4 "$MNT/clicks"
wait $!
equal 644 "$(stat -c %a "$shard")" "mode of a closed shard"
sort -n "$MNT/clicks/all" | cmp - <(seq 1 300)
equal 300 "$(cat "$shard" "$MNT"/clicks/shardId-00000000000[1-9] | wc -l)" "lines in the shards"
if [ "$(wc -l <"$shard")" -eq 300 ]; then fail "nothing followed"; fi
printf late >>"$shard"
python3 -c 'import os, sys; fd = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND); os.write(fd, b"synced\n"); os.fsync(fd)' "$shard"
equal 2 "$(grep -cE '^(late|synced)$' "$MNT/clicks/all")" "lines of later writers"
