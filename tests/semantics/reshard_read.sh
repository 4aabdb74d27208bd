#!/bin/bash
# A resize disturbs no reader: the closed shard stays readable, all goes on with the children, in order.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
tail -n +1 -s 0.1 -f "$MNT/s/all" >"$WORK/tailed" 2>&1 &
for shards in 1 2 4 1; do
    setfattr -n user.kinesis.shard_count -v $shards "$MNT/s"
    for i in $(seq 25); do echo "$shards $i" >>"$MNT/s/all"; done
    for i in $(seq 25); do echo "$shards $i"; done >>"$WORK/want"
done
sort "$WORK/want" >"$WORK/sorted"
mine() { sort "$WORK/tailed" | cmp -s - "$WORK/sorted"; }
wait_for 20 mine
equal "1 2 4 1" "$(cut -d' ' -f1 "$WORK/tailed" | uniq | tr '\n' ' ' | sed 's/ $//')" "order"
equal "$(printf '1 %d\n' $(seq 25))" "$(<"$shard")" "closed shard"
stop_jobs
