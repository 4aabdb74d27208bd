#!/bin/bash
# tail -f and -F lose and repeat nothing while retention removes what they have read, and see no truncation.
. "$(dirname "$0")/lib.sh"

mount_fs --retention-size=128K --segment-size=64K
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
tail -n +1 -s 0.05 -f "$shard" >"$WORK/f" 2>&1 &
tail -n +1 -s 0.05 --max-unchanged-stats=1 -F "$shard" >"$WORK/F" 2>&1 &
for i in $(seq 0 19); do
    seq -f '%099.0f' $((i * 500)) $((i * 500 + 499)) >>"$shard"
    seq -f '%099.0f' $((i * 500)) $((i * 500 + 499)) >>"$WORK/want"
    wait_for 20 cmp -s "$WORK/want" "$WORK/f"
    wait_for 20 cmp -s "$WORK/want" "$WORK/F"
done
trimmed() { [ "$(stat -c %s "$shard")" -lt 400000 ]; }
wait_for 20 trimmed # retention follows within seconds
echo last | tee -a "$shard" >>"$WORK/want"
wait_for 20 cmp -s "$WORK/want" "$WORK/f"
wait_for 20 cmp -s "$WORK/want" "$WORK/F"
