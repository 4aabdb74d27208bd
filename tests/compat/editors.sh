#!/bin/bash
# An editor cannot change what is there: it adds the whole edited text at the end; a mount with ro refuses that.
. "$(dirname "$0")/lib.sh"

need ed vim.tiny nano tmux
mount_fs
seq 10 >"$WORK/before"
edits() { # STREAM: makes it, with ten lines
    mkdir "$MNT/$1"
    cat "$WORK/before" >>"$MNT/$1/all"
}
added() { cmp -s <(cat "$WORK/before" "$WORK/$1.want") "$MNT/$1/shardId-000000000000"; }
edits ed
printf '1d\nw\nq\n' | ed -s "$MNT/ed/shardId-000000000000"
edits vim
vim.tiny -u NONE -es -c 1d -c 'w!' -c 'q!' "$MNT/vim/shardId-000000000000" </dev/null
edits nano
terminal "nano -I '$MNT/nano/shardId-000000000000'"
wait_for 20 shows 'X Exit'
screen send-keys X C-o Enter
wait_for 20 shows 'Wrote'
screen send-keys C-x
seq 2 10 | tee "$WORK/ed.want" >"$WORK/vim.want"
sed 1s/^/X/ "$WORK/before" >"$WORK/nano.want"
for editor in ed vim nano; do wait_for 20 added $editor; done
remount --ro
printf 'w\nQ\n' | ed -s "$MNT/ed/shardId-000000000000" 2>"$WORK/said" && fail "ed has written to a mount with ro"
grep -q 'Read-only file system' "$WORK/said"
for editor in ed vim nano; do added $editor || fail "$editor"; done
