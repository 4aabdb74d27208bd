#!/bin/bash
# A real store, damaged with dd: fsck.kinesisfs says what is lost, and a read EIO; after -y what is read is what was written
# without what was said to be lost. A mounted store is refused, and by which process it is in use is said.
# timeout: 120
. "$(dirname "$0")/../mount/lib.sh"

fsck=$(dirname "$KFS_BIN")/fsck.kinesisfs
check() { # STATUS [OPTION...]: its output is $said
    local want=$1 status=0
    shift
    said=$("$fsck" "$@" "$STORE" 2>&1) || status=$?
    [ "$status" -eq "$want" ] || fail "fsck $*: status $status: $said"
}

mount_fs --segment-size=64K
mkdir "$MNT/s"
seq -f 'record %06g of those that are written' 5000 >"$WORK/want"
cat "$WORK/want" >>"$MNT/s/shardId-000000000000"
check 8
[[ $said == *"in use by process $DAEMON;"* ]] || fail "not the pid: $said"
unmount_fs
check 0 -v
[[ $said == *" 5000 records"* ]] || fail "not all records: $said"

data=$STORE/streams/s/shardId-000000000000/00000000000000000000.data
dd if=/dev/zero of="$data" bs=1 seek=20000 count=500 conv=notrunc status=none
check 4 -n
[[ $said == *"lost: records "*", bytes "* ]] || fail "not what is lost: $said"
from=$(sed -n 's/.*, bytes \([0-9]*\) to .*/\1/p' <<<"$said")
to=$(sed -n 's/.*, bytes [0-9]* to \([0-9]*\),.*/\1/p' <<<"$said")
{ head -c "$from" "$WORK/want" && tail -c "+$((to + 1))" "$WORK/want"; } >"$WORK/left"
mount_fs --segment-size=64K
expect_errno EIO "open('s/shardId-000000000000', 'rb').read()"
unmount_fs
check 1 -y
check 0
mount_fs --segment-size=64K
same "$WORK/left" "$MNT/s/shardId-000000000000"
echo more >>"$MNT/s/shardId-000000000000"
[ "$((to - from))" -lt 700 ] || fail "$from to $to is more than was damaged"
[ "$(stat -c %s "$STORE/lost+found/s/shardId-000000000000/00000000000000000000.data")" -gt 60000 ] || fail "lost+found"
