#!/bin/bash
# A sync that fails: fsync is EIO, appends are EIO until the next mount, reading goes on; then all that was durable is there.
# timeout: 120
. "$(dirname "$0")/../mount/lib.sh"
command -v strace >/dev/null || skip "needs strace"

traced() { grep -q 'TracerPid:.[1-9]' "/proc/$DAEMON/status"; }

for when in 1 2; do # the data file's, the index's
    mount_fs --sync-interval=1h
    rmdir "$MNT/s" "$MNT/other" 2>/dev/null || true
    mkdir "$MNT/s" "$MNT/other"
    seq 100 >>"$MNT/s/all"
    expect_errno 0 'os.fsync(os.open("s/shardId-000000000000", os.O_WRONLY))'
    strace -f -qq -o /dev/null -e trace=fdatasync -e inject=fdatasync:error=EIO:when=$when -p "$DAEMON" &
    tracer=$!
    wait_for 10 traced
    seq 101 110 >>"$MNT/s/all"
    expect_errno EIO 'os.fsync(os.open("s/shardId-000000000000", os.O_WRONLY))'
    kill "$tracer"
    wait "$tracer" || true
    expect_errno EIO 'append("s/all", "after\n")'
    expect_errno EIO 'os.fsync(os.open("s/shardId-000000000000", os.O_WRONLY))'
    equal "$(seq 110)" "$(<"$MNT/s/all")" "what is read meanwhile"
    expect_errno 0 'append("other/all", "another stream goes on\n")'
    grep '"shard":"shardId-000000000000","errno":"EIO"' "$MNT/.kinesisfs/errors" | grep -q 'a sync failed' || fail errors
    unmount
    reap 1 || fail "exit status: not everything was made durable"
    mount_fs
    equal "$(seq 100)" "$(head -n 100 "$MNT/s/all")" "what was durable"
    expect_errno 0 'append("s/all", "after\n"); os.fsync(os.open("s/shardId-000000000000", os.O_WRONLY))'
    equal after "$(tail -n 1 "$MNT/s/all")"
    unmount_fs
done
