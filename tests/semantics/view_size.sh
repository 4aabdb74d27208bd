#!/bin/bash
# Sizes and offsets of json, nul, raw and len, of shards and of all, are exact: wc, tail and dd work as on the plain file.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs --shards=2
mkdir "$MNT/s"
seq 1 20000 >>"$MNT/s/all"
for file in "$MNT/s@"{json,nul,raw,len}/{all,shardId-000000000001}; do
    cat "$file" >"$WORK/all"
    equal "$(stat -c %s "$WORK/all")" "$(stat -c %s "$file")" "size of $file"
    equal "$(wc -c <"$WORK/all")" "$(wc -c <"$file")" "wc -c of $file"
    tail -c 12345 "$file" >"$WORK/tail"
    tail -c 12345 "$WORK/all" | cmp - "$WORK/tail"
    dd if="$file" iflag=skip_bytes,count_bytes skip=70001 count=5003 status=none >"$WORK/part"
    dd if="$WORK/all" iflag=skip_bytes,count_bytes skip=70001 count=5003 status=none | cmp - "$WORK/part"
done
tail -n 3 "$MNT/s@json/all" >"$WORK/tail"
tail -n 3 <(cat "$MNT/s@json/all") | cmp - "$WORK/tail"
