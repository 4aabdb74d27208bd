#!/bin/bash
# kpl, gzip and zstd combine with each other and every other view; sizes and offsets are exact.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s@shards=2"
seq -f '%g user' 3000 >"$WORK/lines"
for views in kpl,gzip zstd,kpl gzip,keyfrom=field:1 key=k,zstd; do
    for file in all shardId-000000000001; do
        dir=$MNT/s@$views,from=end
        exec 3<"$dir/$file" 4<"$dir,follow/$file" # both begin here, before anything is written
        timeout $((20 * KFS_SLOWER)) head -n 3000 <&4 >"$WORK/followed" &
        cat "$WORK/lines" >>"$MNT/s@$views/$file"
        wait $!
        cat <&3 >"$WORK/read"
        equal "$(stat -c %s "$WORK/lines")" "$(stat -Lc %s /dev/fd/3)" "size of $views"
        tail -c 1000 /dev/fd/3 >"$WORK/tail"
        exec 3<&- 4<&-
        tail -c 1000 "$WORK/read" | cmp - "$WORK/tail"
        sort -n "$WORK/read" | cmp - "$WORK/lines" # shards do not keep the order among them
        sort -n "$WORK/followed" | cmp - "$WORK/lines"
        json=$MNT/s@$views,json/$file
        equal "$(tail -c +1 "$json" | wc -c)" "$(stat -c %s "$json")" "size as json"
        dd if="$json" bs=1 skip=1234 count=777 status=none | cmp - <(tail -c +1235 "$json" | head -c 777)
    done
done
