#!/bin/bash
# Files are 0666 and directories 0777 less umask (022), closed shards and control files 0444, owned by who mounts.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
equal 755 "$(stat -c %a "$MNT/s")"
equal $'644\n644' "$(stat -c %a "$shard" "$MNT/s/all")"
equal "444" "$(stat -c %a "$MNT/.kinesisfs/errors")"
setfattr -n user.kinesis.shard_count -v 2 "$MNT/s"
equal 444 "$(stat -c %a "$shard")" "closed shard"
equal "$(id -u):$(id -g)" "$(stat -c %u:%g "$shard")"
remount --umask=077 --uid=12 --gid=34
equal "12:34 400" "$(stat -c '%u:%g %a' "$shard")" "with umask=077"
equal "12:34 600" "$(stat -c '%u:%g %a' "$MNT/s/all")" "with umask=077"
