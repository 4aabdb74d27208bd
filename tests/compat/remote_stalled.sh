#!/bin/bash
# An endpoint that denies a read, or takes requests and says nothing, or a byte a second: no call into the mount takes longer than
# docs/REMOTE.md says, and nothing is lost.
# timeout: 120
. "$(dirname "$0")/lib_remote.sh"
endpoint own
proxy
mount_remote --pace=no
mkdir "$MNT/clicks"
shard=$MNT/clicks/shardId-000000000000
echo 1 >>"$shard"
fault denied GetRecords
within 6000 cat "$shard" && fail "a read that is denied"
tail -n 1 "$MNT/.kinesisfs/errors" | grep -q '"AccessDeniedException","request_id":"by-the-proxy"' || fail "not said"
fault stall
within 3000 env bash -c 'echo 2 >>"$1"' - "$shard" # close_wait
within 6000 cat "$shard"
within 12000 stat "$MNT/other" || true
within 1000 ls "$MNT/.kinesisfs"
within 3000 env bash -c 'echo 3 >>"$1"' - "$shard"
fault slow
within 3000 env bash -c 'echo 4 >>"$1"' - "$shard"
fault pass
wait_for 40 spool_is_empty
all_there() { in_order "$shard" | cmp -s - <(seq 1 4); }
wait_for 40 all_there # a call that was stalled is given up after 20 s
