#!/bin/bash
# A second mount with the same consumer takes the subscription over; the first polls and says so, and both have every record
# once.
. "$(dirname "$0")/lib_remote.sh"
endpoint own
mount_remote --fanout=reader
mkdir "$MNT/clicks"
reads_by() { [ "$(shard_status read_by)" = "$1" ]; }
tail -n +1 -f "$MNT/clicks/shardId-000000000000" >"$WORK/first" &
wait_for 20 reads_by fanout
seq 1 100 >>"$MNT/clicks/shardId-000000000000"
sleep 5 # a younger subscription is not given up
mkdir "$WORK/mnt2"
"$KFS_BIN" "$URL" "$WORK/mnt2" -f --fanout=reader --spool="$WORK/spool2" &>"$WORK/log2" &
wait_for 20 mountpoint -q "$WORK/mnt2"
tail -n +1 -f "$WORK/mnt2/clicks/shardId-000000000000" >"$WORK/second" &
second=$!
wait_for 20 reads_by polling
seq 101 200 >>"$MNT/clicks/shardId-000000000000"
have() { seq 1 200 | cmp -s - "$WORK/$1"; }
wait_for 20 have first
wait_for 20 have second
grep -q ResourceInUseException "$MNT/.kinesisfs/errors"
kill "$second"
wait_for 10 fusermount3 -q -u "$WORK/mnt2"
