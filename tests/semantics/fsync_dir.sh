#!/bin/bash
# fsync of a directory succeeds: making and removing streams is durable when it returns.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
expect_errno 0 'os.fsync(os.open(".", os.O_RDONLY)); os.fsync(os.open("s", os.O_RDONLY))'
sync -f "$shard"
