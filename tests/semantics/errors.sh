#!/bin/bash
# Every failure is one JSON line in /.kinesisfs/errors and one in the log, newest last; never a payload.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
yes secret | head -n 300000 | tr -d '\n' 2>/dev/null >>"$shard" && fail "a record over the limit"
expect_errno EPERM 'os.unlink("s/all")'
jq -se 'map(.errno) == ["EMSGSIZE", "EPERM"] and all(.time and .operation and .stream == "s" and .message)' \
    "$MNT/.kinesisfs/errors" >/dev/null
equal 2 "$(grep -c warning: "$LOG")" "lines of the log"
grep -q secret "$MNT/.kinesisfs/errors" "$LOG" && fail "a payload is shown"
expect_errno EPERM 'os.open(".kinesisfs/errors", os.O_WRONLY)'
