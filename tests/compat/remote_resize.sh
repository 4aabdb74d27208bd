#!/bin/bash
# A resize under a running tail -f of all and a running writer: nothing is lost, the old shards end.
# timeout: 90
. "$(dirname "$0")/lib_remote.sh"
for kind in own kinesis-local; do
    PORT=
    endpoint "$kind"
    mount_remote --pace=no --refresh=200ms
    mkdir "$MNT/clicks@shards=2"
    cat "$MNT/clicks@follow/all" >"$WORK/all" &
    (for i in $(seq 1 100); do echo "$i" && sleep 0.02; done >>"$MNT/clicks/all") &
    sleep 0.5
    setfattr -n user.kinesis.shard_count -v 4 "$MNT/clicks"
    wait $!
    wait_for 20 lines_are "$WORK/all" 100
    sort -n "$WORK/all" | cmp - <(seq 1 100)
    equal 444 "$(stat -c %a "$MNT/clicks/shardId-000000000000")" "mode of a closed shard"
    if echo late 2>/dev/null >>"$MNT/clicks/shardId-000000000000"; then fail "a closed shard took a record"; fi
    stop_jobs
    unmount_fs
    rm -r "$WORK/spool"
done
