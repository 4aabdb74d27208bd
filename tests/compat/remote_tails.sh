#!/bin/bash
# Twenty tail -f of a shard cost two GetRecords a second at most, while records come now and then and while none do;
# each sees all of them.
# timeout: 300
. "$(dirname "$0")/lib_remote.sh"
twenty_tails() {
    mkdir "$MNT/clicks"
    shard=$MNT/clicks/shardId-000000000000
    echo 0 >>"$shard"
    for i in $(seq 20); do tail -n +1 -f "$shard" >"$WORK/tail$i" & done
    for i in $(seq 20); do wait_for 20 grep -sqx 0 "$WORK/tail$i"; done
    before=$(asked GetRecords) begin=$SECONDS
    for i in $(seq 3); do echo "$i" >>"$shard" && sleep 1; done
    sleep 2
    after=$(asked GetRecords)
    [ "$after" -gt "$before" ] || fail "$kind: nothing was asked"
    [ $((after - before)) -le $((2 * (SECONDS - begin))) ] || fail "$((after - before)) GetRecords in $((SECONDS - begin)) s"
    seq 0 3 >"$WORK/want"
    for i in $(seq 20); do wait_for 10 cmp -s "$WORK/tail$i" "$WORK/want"; done
    rm "$WORK"/tail*
}
through_proxy twenty_tails "$KINDS"
