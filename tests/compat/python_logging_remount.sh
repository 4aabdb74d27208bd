#!/bin/bash
# After a kill of the daemon Python's FileHandler complains of each record until its program is restarted, which
# WatchedFileHandler ends; what they do not complain of is not lost.
. "$(dirname "$0")/lib.sh"

need python3
mount_fs
mkdir "$MNT/file" "$MNT/watched"
writer() { python3 "$ROOT/tests/compat/python_writer.py" "$1" "$MNT/$1/all" "$2" 100 0.02; }
writer file 1 2>"$WORK/file" &
file=$!
writer watched 1 2>"$WORK/watched" &
watched=$!
for kind in file watched; do wait_for 20 grep -q 'line 20 end' "$MNT/$kind/all"; done
kill9
status=0
wait "$watched" || status=$?
equal 1 "$status" "status with WatchedFileHandler"
grep -qE '^[A-Za-z]*Error: .*(not connected|connection abort)' "$WORK/watched"
mount_fs
wait "$file"
# A write that the kill cut off may be complained of and there: so each line is one or the other, none twice.
sed -n "s/^Arguments: ('1', \([0-9]*\))/\1/p" "$WORK/file" >"$WORK/lost"
[ -s "$WORK/lost" ] || fail "FileHandler has not complained"
grep -o '[0-9]* end$' "$MNT/file/all" | cut -d ' ' -f 1 | sort -n -c -u
equal "$(seq 100)" "$(cat "$WORK/lost" <(grep -o '[0-9]* end$' "$MNT/file/all" | cut -d ' ' -f 1) | sort -n -u)"
writer file 2
equal 100 "$(grep -c 'writer 2' "$MNT/file/all")" "lines after the restart"
