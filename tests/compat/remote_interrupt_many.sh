#!/bin/bash
# Forty calls that wait for an endpoint which says nothing hold nothing up: status, a mirror that is open, writes into
# the spool and locks go on at once beside them. Killed, they are gone at once. The mount has four threads.
. "$(dirname "$0")/lib_remote.sh"
endpoint own
proxy
mount_remote --close-wait=0
mkdir "$MNT/clicks" "$MNT/other"
seq 1 100 >>"$MNT/other/shardId-000000000000"
wait_for 10 spool_is_empty
shard=$MNT/other/shardId-000000000000
exec 5<"$shard"
exec 6>>"$shard"
fault stall
for i in $(seq 20); do
    cat "$MNT/clicks@json/all" &>/dev/null &
    stat "$MNT/unknown-$i" &>/dev/null &
done
mapfile -t pids < <(jobs -p | tail -n 40)
sleep 0.5
within 1000 cat "$MNT/.kinesisfs/status.json"
within 1000 cmp - <(seq 1 100) <&5
for i in $(seq 10); do within 1000 bash -c "echo $i >&6"; done
within 1000 flock -x 6
equal 40 "$(ps -o pid= -p "$(IFS=, && echo "${pids[*]}")" | wc -l)" "calls that wait"
kill -KILL "${pids[@]}"
all_gone() { ! kill -0 "${pids[@]}" 2>/dev/null; }
within 1000 wait_for 5 all_gone
exec 5<&- 6>&-
