#!/bin/bash
# chmod and chown to what is set already, and touch, succeed; other modes and owners are EPERM. Times are not kept.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
echo line >>"$shard"
chmod 644 "$shard"
chown "$(id -u):$(id -g)" "$shard"
before=$(stat -c '%Y %X %Z' "$shard")
touch -d 2001-01-01 "$shard"
equal "$before" "$(stat -c '%Y %X %Z' "$shard")" "times"
expect_errno EPERM 'os.chmod("s/all", 0o600)'
expect_errno EPERM 'os.chown("s/all", 12345, -1)'
grep -q '"operation":"chmod".*umask' "$MNT/.kinesisfs/errors"
