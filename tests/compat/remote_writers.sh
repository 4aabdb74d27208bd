#!/bin/bash
# 100,000 lines of four writers in a shard: boto3 gets each of them, once, in its writer's order, and the file says
# the same. Of kinesalite 10,000 (with KFS_SOAK as many), of kinesis-local 2,000 (10,000): it is slow.
# timeout: 300
. "$(dirname "$0")/lib_remote.sh"
need_python
for kind in own:25000:25000 kinesalite:2500:25000 kinesis-local:500:2500; do
    IFS=: read -r kind lines soak <<<"$kind"
    [ -z "${KFS_SOAK:-}" ] || lines=$soak
    PORT=
    endpoint "$kind"
    mount_remote --pace=no --close-wait=100s
    mkdir "$MNT/clicks"
    shard=$MNT/clicks/shardId-000000000000
    jobs=()
    for writer in 1 2 3 4; do
        seq -f "writer $writer line %.0f end" "$lines" >>"$shard" &
        jobs+=($!)
    done
    wait "${jobs[@]}"
    wait_for 100 spool_is_empty
    py remote_reader.py "$shard" >"$WORK/far"
    check_writers "$WORK/far" 4 "$lines"
    cmp "$WORK/far" "$shard"
    unmount_fs
    endpoint_down
    rm -r "$WORK/spool"
done
