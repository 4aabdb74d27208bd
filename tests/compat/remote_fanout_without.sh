#!/bin/bash
# An endpoint without subscriptions is polled, and that is said once.
. "$(dirname "$0")/lib_remote.sh"
endpoint kinesalite
mount_remote --fanout=reader
mkdir "$MNT/clicks@shards=2"
cat "$MNT/clicks@follow/all" >"$WORK/all" &
said() { [ "$(grep -c 'no subscription' "$MNT/.kinesisfs/errors")" -gt 0 ]; }
wait_for 20 said
seq 1 100 >>"$MNT/clicks/all"
all_there() { sort -n "$WORK/all" | cmp -s - <(seq 1 100); }
wait_for 20 all_there
sleep 2
equal 1 "$(grep -c 'no subscription' "$MNT/.kinesisfs/errors")" "how often it is said"
grep -q '"read_by":"polling"' "$MNT/.kinesisfs/status.json"
