#!/bin/bash
# nul: a record ends with a NUL byte, when written and when read; a newline is a byte of it, an unfinished last one a record.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
printf 'two\nlines\0\0last' >>"$MNT/s@nul/shardId-000000000000"
printf 'two\nlines\0\0last\0' >"$WORK/want"
cat "$MNT/s@nul/all" >"$WORK/got"
same "$WORK/want" "$WORK/got"
equal 3 "$(jq -s length "$MNT/s@json/all")" records
find / -maxdepth 1 -print0 >>"$MNT/s@nul/all"
xargs -0 ls -d <"$MNT/s@nul/all" 2>/dev/null | grep -qx / || fail "xargs does not get what find has written"
