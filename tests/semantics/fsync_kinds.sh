#!/bin/bash
# O_SYNC, O_DSYNC, RWF_DSYNC and sync=always make each write durable; sync=interval, the default, syncs within sync_interval.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs --sync-interval=1h
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
syncs() { awk '/^kinesisfs_syncs_total/ { print $2 }' "$MNT/.kinesisfs/metrics"; }
expect_errno 0 'append("s/all", "x\n")'
equal 0 "$(syncs)" "after a plain write"
expect_errno 0 'os.write(os.open("s/all", os.O_WRONLY | os.O_APPEND | os.O_SYNC), b"x\n")'
expect_errno 0 'os.write(os.open("s/all", os.O_WRONLY | os.O_APPEND | os.O_DSYNC), b"x\n")'
expect_errno 0 'os.pwritev(os.open("s/all", os.O_WRONLY | os.O_APPEND), [b"x\n"], 0, os.RWF_DSYNC)'
equal 3 "$(syncs)" "after O_SYNC, O_DSYNC and RWF_DSYNC"
remount --sync=always
expect_errno 0 'append("s/all", "x\n")'
equal 1 "$(syncs)" "with sync=always"
equal 5 "$(wc -l <"$shard")" "lines"
