#!/bin/bash
# make install puts everything in place, below DESTDIR, and what it puts there runs.
. "$(dirname "$0")/lib.sh"

root=$WORK/root
build=$(realpath --relative-to="$ROOT" "$(dirname "$KFS_BIN")")
make -s -C "$ROOT" B="$build" install DESTDIR="$root" PREFIX=/usr

for file in usr/bin/kinesisfs usr/sbin/fsck.kinesisfs usr/share/man/man1/kinesisfs.1 usr/share/man/man8/{mount,fsck}.kinesisfs.8 \
    usr/share/doc/kinesisfs/{LICENSE,README.md,SEMANTICS.md} usr/lib/systemd/system/kinesisfs@.service \
    usr/share/{bash-completion/completions/kinesisfs,zsh/vendor-completions/_kinesisfs,fish/vendor_conf.d/kinesisfs.fish}; do
    [ -s "$root/$file" ] || fail "$file is missing"
done
equal /usr/bin/kinesisfs "$(readlink "$root/usr/sbin/mount.kinesisfs")" "the mount helper"
grep -q '^ExecStart=/usr/bin/kinesisfs ' "$root/usr/lib/systemd/system/kinesisfs@.service" || fail "the unit's command"

KFS_BIN=$root/usr/bin/kinesisfs
mount_fs
mkdir "$MNT/s"
unmount_fs
"$root/usr/sbin/fsck.kinesisfs" "$STORE" || fail "fsck: status $?"
