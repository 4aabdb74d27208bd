#!/bin/bash
# gzip, zstd: each record is stored compressed, as the tool of that name makes and expands it; the view shows it expanded.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
seq 1000 >"$WORK/lines"
for tool in gzip zstd; do
    mkdir "$MNT/$tool"
    head -c 300000 "$KFS_BIN" | tr -d '\n' >"$WORK/long"
    echo >>"$WORK/long"
    cat "$WORK/lines" "$WORK/long" >>"$MNT/$tool@$tool/all"
    cat "$WORK/lines" "$WORK/long" >"$WORK/want"
    same "$WORK/want" "$MNT/$tool@$tool/all"
    tr -d '\n' <"$WORK/want" >"$WORK/text" # a file of compressed pieces is one to both tools
    $tool -dc <"$MNT/$tool@raw/all" >"$WORK/got"
    same "$WORK/text" "$WORK/got"
    [ "$(stat -c %s "$MNT/$tool@raw/all")" -lt 270000 ] || fail "not compressed"
    printf 'two\nlines' | $tool -c >"$WORK/made"
    dd if="$WORK/made" of="$MNT/$tool@raw/all" bs=64k oflag=append conv=notrunc status=none
    equal '"two\nlines"' "$(tail -n 1 "$MNT/$tool@$tool,json/all" | jq -c .Data)"
done
