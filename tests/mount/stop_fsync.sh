#!/bin/bash
# SIGTERM during an fsync: it is answered, before the session goes.
. "$(dirname "$0")/lib.sh"
command -v strace >/dev/null || skip "needs strace"

ASAN_OPTIONS+=:detect_leaks=0 # not under ptrace
mount_fs
mkdir "$MNT/s"
echo first >>"$MNT/s/all" # which syncs the new files
strace -qq -o /dev/null -f -p "$DAEMON" -e trace=fdatasync -e inject=fdatasync:delay_enter=700000 &
wait_for 10 grep -q "^TracerPid:.*[1-9]" "/proc/$DAEMON/status"
expect_errno 0 '
f = os.open("s/shardId-000000000000", os.O_WRONLY | os.O_APPEND)
os.write(f, b"line\n")
open(os.environ["WORK"] + "/syncs", "w")
os.fsync(f)' &
writer=$!
wait_for 10 test -e "$WORK/syncs"
sleep 0.2
kill -TERM "$DAEMON"
reap
wait "$writer" || fail "fsync was not answered"
