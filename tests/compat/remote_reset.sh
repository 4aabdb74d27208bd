#!/bin/bash
# Connections are reset after requests were carried out, or before: nothing is lost, first copies are in order, and
# no record comes twice but for a lost answer.
. "$(dirname "$0")/lib_remote.sh"
endpoint own
proxy
mount_remote --pace=no
mkdir "$MNT/clicks"
shard=$MNT/clicks/shardId-000000000000
seq 1 2000 >>"$shard"
fault reset PutRecords
seq 2001 4000 >>"$shard"
sleep 1
fault refuse PutRecords
seq 4001 6000 >>"$shard"
sleep 1
fault pass
wait_for 20 spool_is_empty
in_order "$shard" | cmp - <(seq 1 6000)
twice=$(($(wc -l <"$shard") - 6000))
[ "$twice" -gt 0 ] || fail "nothing came twice: no answer was lost"
lost=$(grep -c "PutRecords reset" "$WORK/requests")
[ "$twice" -le $((500 * lost)) ] || fail "$twice came twice, but only $lost answers were lost"
[ "$(shard_status retried)" -ge "$twice" ] || fail "$twice came twice, $(shard_status retried) were counted"
