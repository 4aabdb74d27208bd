#!/bin/bash
# What has a file open when the daemon is killed must open it again. Python's FileHandler complains of each
# record until its program is restarted, WatchedFileHandler ends it; what they do not complain of is not lost.
. "$(dirname "$0")/lib.sh"

need python3
mount_fs
mkdir "$MNT/file" "$MNT/watched"
writer() { python3 "$ROOT/tests/compat/python_writer.py" "$1" "$MNT/$1/all" "$2" 100 0.02; }
writer file 1 2>"$WORK/file" &
file=$!
writer watched 1 2>"$WORK/watched" &
watched=$!
has() { [ "$(wc -l <"$MNT/$1/all")" -ge "$2" ]; }
wait_for 20 has file 20
wait_for 20 has watched 20
kill9
status=0
wait "$watched" || status=$?
equal 1 "$status" "status with WatchedFileHandler"
grep -q '^OSError: .*Transport endpoint is not connected' "$WORK/watched"
mount_fs
wait "$file"
lost=$(grep -c '^--- Logging error ---' "$WORK/file")
[ "$lost" -gt 0 ] || fail "FileHandler has not complained"
check_writers "$MNT/file/all" 1 $((100 - lost))
check_writers "$MNT/watched/all" 1 "$(wc -l <"$MNT/watched/all")"
writer file 2
equal $((200 - lost)) "$(wc -l <"$MNT/file/all")" "lines after the restart"
