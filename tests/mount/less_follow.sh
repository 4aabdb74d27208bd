#!/bin/bash
# less +F in a terminal shows new lines as they come, ends its following at Ctrl-C, and finds a line.
. "$(dirname "$0")/lib.sh"

command -v tmux >/dev/null && command -v less >/dev/null || skip "needs tmux and less"
mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
seq -f 'line %.0f' 500 >>"$shard"
terminal "less +F '$shard'"
wait_for 20 shows 'line 500'
echo 'came later' >>"$shard"
wait_for 20 shows 'came later'
screen send-keys C-c
wait_for 20 shows '(END)'
screen send-keys '?line 77$' Enter
wait_for 20 shows '^line 77'
screen send-keys F
echo 'came last' >>"$shard"
wait_for 20 shows 'came last'
screen send-keys C-c
wait_for 20 shows '(END)'
screen send-keys q
