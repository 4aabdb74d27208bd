#!/bin/bash
# len: each record is preceded by its length, 4 bytes, big-endian, when written, cut anywhere, and when read: lossless.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
printf '\0\0\0\5a\nb\0\377\0\0\0\0\0\0\0\1\n' >"$WORK/want"
cat "$WORK/want" >>"$MNT/s@len/all"
dd if="$WORK/want" of="$MNT/s@len/all" bs=1 oflag=append conv=notrunc status=none
cat "$WORK/want" "$WORK/want" >"$WORK/twice"
cat "$MNT/s@len/all" >"$WORK/got"
same "$WORK/twice" "$WORK/got"
mkdir "$MNT/copy"
cat "$MNT/s@len/all" >>"$MNT/copy@len/all"
same "$WORK/twice" "$MNT/copy@len/all"
equal '"YQpiAP8=" "" "\n"' "$(jq -sc '.[:3][] | .Data // .DataBase64' "$MNT/s@json/all" | tr '\n' ' ' | sed 's/ $//')" data
