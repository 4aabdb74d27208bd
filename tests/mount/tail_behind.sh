#!/bin/bash
# A tail that retention has overtaken is told: GNU tail ends with an error, busybox says so every second.
# In a loop it begins again at the oldest line there is.
. "$(dirname "$0")/lib.sh"

mount_fs --retention-size=128K --segment-size=64K
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
echo first >>"$shard"
busybox tail -n 1 -s 1 -f "$shard" >"$WORK/busybox" 2>&1 &
tail -n 1 -s 0.1 -f "$shard" >"$WORK/gnu" 2>&1 &
gnu=$!
until tail -n +1 -s 0.1 -F "$shard"; do :; done >"$WORK/loop" 2>"$WORK/said" &
for out in busybox gnu loop; do wait_for 20 grep -q first "$WORK/$out"; done
mapfile -t tails < <(pgrep -f "tail -n .* $shard")
kill -STOP "${tails[@]}"
seq -f '%099.0f' 5000 >>"$shard"
first_gone() { ! grep -q first "$shard"; }
wait_for 20 first_gone
sleep 1 # what is not offered any more is removed soon after
kill -CONT "${tails[@]}"
status=0
wait "$gnu" || status=$?
equal 1 "$status" "status of tail"
grep -q 'error reading .*Stale file handle' "$WORK/gnu"
wait_for 20 grep -q 'read error: Stale file handle' "$WORK/busybox"
echo last >>"$shard"
wait_for 20 grep -q last "$WORK/loop"
