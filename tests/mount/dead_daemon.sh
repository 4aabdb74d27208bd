#!/bin/bash
# A daemon killed under a waiting reader leaves no hang: the reader fails, and the next mount clears the dead one away.
. "$(dirname "$0")/lib.sh"

waits() { awk '/^kinesisfs_waits_total/ { exit $2 < 1 }' "$MNT/.kinesisfs/metrics"; }
mount_fs
mkdir "$MNT/s"
cat "$MNT/s@follow/all" 2>/dev/null &
reader=$!
wait_for 20 waits
fusermount3 -u "$MNT" 2>/dev/null && fail "unmounted under a reader"
kill -KILL "$DAEMON"
reap 137
wait "$reader" && fail "the reader of a dead mount saw an end"
expect_errno ENOTCONN 'os.stat(os.environ["MNT"] + "/s")' 2>/dev/null || stat "$MNT" 2>&1 | grep -q 'not connected'
mount_fs
echo line >>"$MNT/s/all"
equal line "$(<"$MNT/s/all")"
