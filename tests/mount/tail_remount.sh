#!/bin/bash
# tail -F lives through a remount and goes on; it prints the file again from its beginning, as after any rotation.
. "$(dirname "$0")/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
seq 10 >>"$shard"
tail -n +1 -s 0.05 --max-unchanged-stats=1 -F "$shard" >"$WORK/F" 2>"$WORK/said" &
echo one >>"$shard"
wait_for 20 grep -q one "$WORK/F"
kill "$DAEMON"
reap
wait_for 20 grep -q inaccessible "$WORK/said"
mount_fs
echo two >>"$shard"
wait_for 20 grep -q two "$WORK/F"
equal 1 "$(grep -c two "$WORK/F")" "times that the new line was printed"
