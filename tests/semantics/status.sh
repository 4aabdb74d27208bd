#!/bin/bash
# status.json is JSON, metrics is Prometheus text; both are made at open, and agree with the streams.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
echo line >>"$shard"
equal line "$(<"$shard")"
jq -e '.pid == '"$DAEMON"' and .streams[0].stream == "s" and .streams[0].shards[0].end == 5' \
    "$MNT/.kinesisfs/status.json" >/dev/null
grep -qx 'kinesisfs_streams 1' "$MNT/.kinesisfs/metrics"
grep -qx 'kinesisfs_written_bytes_total 5' "$MNT/.kinesisfs/metrics"
grep -vqE '^(# (HELP|TYPE) kinesisfs_[a-z_]+ .*|kinesisfs_[a-z_]+ [0-9]+)$' "$MNT/.kinesisfs/metrics" && fail "no metric"
expect_errno EPERM 'os.open(".kinesisfs/status.json", os.O_RDWR)'
for file in status.json metrics; do
    python3 -c 'import shutil, sys; shutil.copyfile(*sys.argv[1:])' "$MNT/.kinesisfs/$file" "$WORK/copy" # fstat, then sendfile
    equal "$(grep -c . "$MNT/.kinesisfs/$file")" "$(grep -c . "$WORK/copy")" "lines of a copy of $file"
done
