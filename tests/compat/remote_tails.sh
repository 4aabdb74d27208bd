#!/bin/bash
# Twenty tail -f of a shard cost two GetRecords a second at most, while records come now and then and while none do;
# each sees all of them.
. "$(dirname "$0")/lib_remote.sh"
endpoint own
proxy
mount_remote
mkdir "$MNT/clicks"
shard=$MNT/clicks/shardId-000000000000
echo 0 >>"$shard"
for i in $(seq 20); do tail -n +1 -f "$shard" >"$WORK/tail$i" & done
wait_for 20 grep -qx 0 "$WORK/tail20"
before=$(asked GetRecords) begin=$SECONDS
for i in $(seq 5); do echo "$i" >>"$shard" && sleep 1; done
sleep 3
after=$(asked GetRecords)
[ $((after - before)) -le $((2 * (SECONDS - begin))) ] || fail "$((after - before)) GetRecords in $((SECONDS - begin)) s"
seq 0 5 >"$WORK/want"
for i in $(seq 20); do wait_for 10 cmp -s "$WORK/tail$i" "$WORK/want"; done
