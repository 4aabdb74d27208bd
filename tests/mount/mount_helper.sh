#!/bin/bash
# As mount(8) calls it for a line of fstab, in the background: it returns when the
# mount answers, and umount ends it.
. "$(dirname "$0")/lib.sh"

pid() { sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$MNT/.kinesisfs/status.json"; }
gone() { ! kill -0 "$1" 2>/dev/null; }

ln -s "$KFS_BIN" "$WORK/mount.kinesisfs"
"$WORK/mount.kinesisfs" "$STORE" "$MNT" -f -o rw,nofail
! mountpoint -q "$MNT" || fail "-f has mounted"
"$WORK/mount.kinesisfs" "local:$STORE" "$MNT" -s -o rw,nofail,_netdev,x-systemd.automount,sync,nonsense
mkdir "$MNT/s"
echo line >>"$MNT/s/all"
equal line "$(<"$MNT/s/all")"
equal "local:$STORE" "$(findmnt -n -o SOURCE "$MNT")" "the source, by which mount -a knows that it is mounted"
daemon=$(pid)
equal 1 "$("$KFS_BIN" "$STORE" "$HOME" 2>"$WORK/second" || echo $?)" "a second mount of the store"
grep -q "$daemon" "$WORK/second" || fail "the second one is not told who has the store: $(<"$WORK/second")"
fusermount3 -u "$MNT"
wait_for 10 gone "$daemon"

touch "$WORK/file"
equal 1 "$("$KFS_BIN" "$WORK/file" "$MNT" 2>/dev/null || echo $?)" "a store that is a file"
equal 2 "$("$KFS_BIN" "$STORE" "$MNT" -o no_such_option=1 2>/dev/null || echo $?)" "a wrong option"
