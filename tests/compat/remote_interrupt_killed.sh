#!/bin/bash
# Writers that are killed while their fsync or close waits, for room or for the endpoint, hold nothing up: neither their
# files' closing nor other calls; and all comes.
. "$(dirname "$0")/lib_remote.sh"
endpoint own
mount_remote --pace=no --close-wait=30s --spool-max=1M --spool-wait=60s
mkdir "$MNT/clicks"
shard=$MNT/clicks/shardId-000000000000
endpoint_down
waiting() { [ "$(find "$WORK" -maxdepth 1 -name 'at.*' | wc -l)" -eq 6 ]; }
killed() { # LINE CALL: six Python programs that have written it to the file f, and are killed in the call
    local pids=()
    for _ in $(seq 6); do
        python3 -c "import os; f = os.open('$shard', os.O_WRONLY | os.O_APPEND)
os.write(f, b'$1'); open('$WORK/at.' + str(os.getpid()), 'w'); $2" & pids+=($!)
    done
    wait_for 20 waiting && sleep 0.3
    kill -KILL "${pids[@]}" && rm "$WORK"/at.* && { within 2000 wait "${pids[@]}" || true; }
    within 1000 cat "$MNT/.kinesisfs/status.json" "$MNT/.kinesisfs/errors"
    within 1000 sh -c "exec 5>>'$shard'"
}
killed 'closed\n' 'os.close(f)'
killed 'synced\n' 'os.fsync(f)'
head -c 1048000 /dev/zero | tr '\0' z | fold -w 999 >"$WORK/lines"
within 5000 dd if="$WORK/lines" of="$shard" oflag=append conv=notrunc status=none bs=1M & # its close waits
wait_for 10 eval '[ "$(status spool_bytes)" -gt 1047000 ]'
killed "$(printf 'x%.0s' {1..9999})" 'os.fsync(f)' # an unfinished line, for which there is no room
endpoint own
wait_for 20 spool_is_empty
equal "6 6 6" "$(grep -c closed "$shard") $(grep -c synced "$shard") $(grep -c xxx "$shard")" "lines"
