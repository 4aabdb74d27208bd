#!/bin/bash
# With fanout a record is read in less than half of the time that polling takes.
. "$(dirname "$0")/lib_remote.sh"
need_python
endpoint own
median() { # WAY [OPTION...]
    mount_remote "${@:2}"
    mkdir -p "$MNT/clicks"
    shard=$MNT/clicks/shardId-000000000000
    cat "$MNT/clicks@follow/shardId-000000000000" >"$WORK/$1" &
    reads_well() { [ "$(shard_status read_by)" = "$1" ] && [ "$(wc -l <"$WORK/$1")" -eq "$(wc -l <"$shard")" ]; }
    wait_for 20 reads_well "$1"
    py remote_latency.py "$shard" "$WORK/$1" 30 >"$WORK/ms"
    kill $!
    unmount_fs
}
median fanout --fanout=reader
pushed=$(cat "$WORK/ms")
median polling
polled=$(cat "$WORK/ms")
echo "$pushed ms by subscription, $polled ms by polling"
[ $((2 * pushed)) -lt "$polled" ]
