#!/bin/bash
# A cursor on all is followed across resizes and a kill -9: nothing is left out, and no record of a child comes before its
# parents' last.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s@shards=2"
some() { # GENERATION: a hundred lines, after a resize to so many shards
    setfattr -n user.kinesis.shard_count -v "$1" "$MNT/s"
    seq -f "$1 %g" 100 >>"$MNT/s/all"
    seq -f "$1 %g" 100 >>"$WORK/want"
}
some 1
cat "$MNT/s@follow,cursor=c/all" >"$WORK/first" &
reader=$!
some 2
some 4
read_so_far() {
    [ "$(wc -l <"$WORK/first")" -eq 300 ]
}
wait_for 20 read_so_far
kill9
wait $reader || true
mount_fs
some 3
cat "$MNT/s@cursor=c/all" >"$WORK/second"
sort -u "$WORK/first" "$WORK/second" | cmp - <(sort "$WORK/want")
equal "1 2 4" "$(cut -d' ' -f1 "$WORK/first" | uniq | xargs)" "order"
equal 3 "$(tail -n 100 "$WORK/second" | cut -d' ' -f1 | uniq | xargs)" "order behind"
equal '' "$(cat "$MNT/s@cursor=c/all")" "what is left"
