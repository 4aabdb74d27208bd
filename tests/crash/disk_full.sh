#!/bin/bash
# A full disk: ENOSPC to the writer, what was written before is intact, and writing goes on when there is room.
# timeout: 120
[ "$(id -u)" -eq 0 ] || exit 77
[ -n "${KFS_OWN_MOUNTS:-}" ] || KFS_OWN_MOUNTS=1 exec unshare -m --propagation private bash "$0" "$@"
. "$(dirname "$0")/../mount/lib.sh"

full() { # WHAT
    head -c 1M /dev/zero >"$STORE/filler"
    mount_fs --segment-size=64K --sync-interval=50ms
    mkdir "$MNT/s" "$MNT/other"
    expect_errno ENOSPC '
f = os.open("s/shardId-000000000000", os.O_WRONLY | os.O_APPEND)
i = 0
try:
    while True:
        os.write(f, b"%0200d\n" % i)
        i += 1
finally:
    open(os.environ["WORK"] + "/copied", "w").write(str(i))
    assert os.stat("s/all").st_size == i * 201'
    local copied
    copied=$(<"$WORK/copied")
    seq -f '%0200.0f' 0 $((copied - 1)) >"$WORK/want"
    same "$WORK/want" "$MNT/s/all"
    grep -q '"operation":"write".*"errno":"ENOSPC"' "$MNT/.kinesisfs/errors" || fail "$1: not in errors"
    rm "$STORE/filler"
    seq -f '%0200.0f' "$copied" $((copied + 99)) | tee -a "$WORK/want" >>"$MNT/s/all"
    expect_errno 0 'f = os.open("s/all", os.O_WRONLY); os.fsync(f); os.close(f)'
    same "$WORK/want" "$MNT/s/shardId-000000000000"
    remount
    same "$WORK/want" "$MNT/s/shardId-000000000000"
    kill9
    mount_fs
    same "$WORK/want" "$MNT/s/all"
    echo more >>"$MNT/s/all"
    rmdir "$MNT/s" || fail "$1: rmdir"
    unmount_fs
    umount "$STORE"
}

mkdir "$STORE"
mount -t tmpfs -o size=6M tmpfs "$STORE"
full tmpfs
truncate -s 12M "$WORK/image"
if mkfs.ext4 -q "$WORK/image" && mount -o loop "$WORK/image" "$STORE" 2>/dev/null; then full ext4; fi
