#!/bin/bash
# Writes to `all` that wait for room in a small spool are stored once, whatever shards they go to, also as aggregates.
. "$(dirname "$0")/lib_remote.sh"

endpoint own
mount_remote --spool-max=1M --spool-wait=60s --pace=no --linger=1ms
for view in lines kpl; do
    mkdir "$MNT/$view@shards=4"
    seq -f "%.0f $view $(printf %080d 0)" 60000 >"$WORK/want"
    dd if="$WORK/want" of="$MNT/$view@$view/all" bs=50000 oflag=append conv=notrunc status=none
    sync "$MNT/$view/all"
    sort -n "$MNT/$view/all" | cmp - "$WORK/want"
done
