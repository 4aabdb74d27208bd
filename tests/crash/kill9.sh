#!/bin/bash
# kill -9 of the daemon under four writers, again and again: after each remount every line whose write returned
# is there, in its writer's order, none twice, none torn. Rounds: the first argument, or KFS_SOAK, or 20.
# timeout: 1800
. "$(dirname "$0")/../mount/lib.sh"

rounds=${1:-${KFS_SOAK:-20}}
history=$(realpath "$(dirname "$0")/history.py")
mount_fs --segment-size=1M --sync-interval=100ms
for round in $(seq "$rounds"); do
    if [ $((round % 20)) -eq 1 ]; then # all of a stream is read in each round
        stream=$MNT/s$round
        acks=$WORK/acks$round
        mkdir "$stream@shards=2" "$acks"
    fi
    python3 "$history" write "$stream" "$acks" "$round" 60 &
    writers=$!
    wait_for 20 test -s "$acks/3.$round"
    sleep "0.$((RANDOM % 30 + 10))"
    kill9
    wait "$writers" || fail "round $round: the writers"
    grep -F '(EIO' "$LOG" && fail "round $round: the daemon's own EIO"
    mount_fs --segment-size=1M --sync-interval=100ms
    python3 "$history" check "$stream" "$acks" "$round" || fail "round $round"
    [ ! -s "$MNT/.kinesisfs/errors" ] || fail "round $round: $(<"$MNT/.kinesisfs/errors")"
done
equal "$(wc -l <"$stream/all")" "$(wc -l <"$stream@json/all")" "records"
