#!/bin/bash
# A resize under a running tail -f of all and a running writer: nothing is lost or reordered, the old shards end.
# kinesalite has no UpdateShardCount: there it is made of splits and merges.
# timeout: 300
. "$(dirname "$0")/lib_remote.sh"
resize() {
    mkdir "$MNT/clicks@shards=2"
    tail -n +1 -f "$MNT/clicks/all" >"$WORK/all" &
    (for i in $(seq 1 100); do echo "$i" && sleep 0.02; done >>"$MNT/clicks/all") &
    writer=$!
    sleep 0.5
    setfattr -n user.kinesis.shard_count -v 3 "$MNT/clicks"
    equal 3 "$(attribute shard_count "$MNT/clicks")" "$kind: shards"
    setfattr -n user.kinesis.shard_count -v 4 "$MNT/clicks"
    wait "$writer"
    wait_for 20 lines_are "$WORK/all" 100
    sort -n "$WORK/all" | cmp - <(seq 1 100)
    equal 444 "$(stat -c %a "$MNT/clicks/shardId-000000000000")" "$kind: mode of a closed shard"
    grep -q '"shardId-000000000000","closed":true' "$MNT/.kinesisfs/status.json"
    if echo late 2>/dev/null >>"$MNT/clicks/shardId-000000000000"; then fail "a closed shard took a record"; fi
}
on_each resize "$KINDS" --pace=no --refresh=200ms
