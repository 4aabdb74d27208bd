#!/bin/bash
# 100,000 lines of four writers in a shard: boto3 gets each of them, once, in its writer's order, and the file says
# the same, as does that of another mount. Without KFS_SOAK fewer on foreign endpoints, on slow kinesis-local always.
# timeout: 300
. "$(dirname "$0")/lib_remote.sh"
need_python
four_writers() {
    local lines=25000 jobs=()
    case ${KFS_SOAK:+soak}-$kind in
    soak-kinesis-local* | -own-tls | -kinesalite) lines=2500 ;;
    -kinesis-local*) lines=500 ;;
    esac
    mkdir "$MNT/clicks"
    shard=$MNT/clicks/shardId-000000000000
    for writer in 1 2 3 4; do
        seq -f "writer $writer line %.0f end" "$lines" >>"$shard" &
        jobs+=($!)
    done
    wait "${jobs[@]}"
    wait_for 100 spool_is_empty
    py remote_reader.py "$shard" >"$WORK/far"
    check_writers "$WORK/far" 4 "$lines"
    wait_for 100 cmp -s "$WORK/far" "$shard" # an open waits 5 s for the tip, which may be too far away
    unmount_fs
    mv "$WORK/spool" "$WORK/spool.$kind"
    mount_remote # knows nothing of the first
    wait_for 100 cmp -s "$WORK/far" "$shard"
}
# kinesalite with TLS ends by an exception of its own under this ("aborted", its index.js:99).
on_each four_writers "${KINDS/kinesalite-tls/}" --pace=no --close-wait=100s
