#!/bin/bash
# busybox tail -f and -F print each line once, and see no truncation while retention removes what they have read.
. "$(dirname "$0")/lib.sh"

command -v busybox >/dev/null || skip "needs busybox"
mount_fs --retention-size=128K --segment-size=64K
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
busybox tail -n +1 -s 1 -f "$shard" >"$WORK/f" 2>&1 &
busybox tail -n +1 -s 1 -F "$shard" >"$WORK/F" 2>&1 &
# It looks once a second: less than retention keeps may come in between.
for i in $(seq 0 9); do
    seq -f '%099.0f' $((i * 300)) $((i * 300 + 299)) >>"$shard"
    seq -f '%099.0f' $((i * 300)) $((i * 300 + 299)) >>"$WORK/want"
    wait_for 20 cmp -s "$WORK/want" "$WORK/f"
    wait_for 20 cmp -s "$WORK/want" "$WORK/F"
done
trimmed() { [ "$(stat -c %s "$shard")" -lt 200000 ]; }
wait_for 20 trimmed # retention follows within seconds
echo last | tee -a "$shard" >>"$WORK/want"
wait_for 20 cmp -s "$WORK/want" "$WORK/f"
wait_for 20 cmp -s "$WORK/want" "$WORK/F"
