#!/bin/bash
# kill -9 of the daemon makes a reader repeat no more than a second's records, and those of its last read: what close
# and fsync have saved stays, what a waiting reader has gone on from is saved without it. Nothing is ever left out.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
seq 1 1000 >>"$MNT/s/all"
cat "$MNT/s@follow,cursor=c/all" >"$WORK/first" &
reader=$!
saved() { # RECORDS that are left
    [ "$(jq .streams[0].lag_records "$MNT/.kinesisfs/cursors/c")" = "$1" ]
}
wait_for 10 saved 0
seq 1001 2000 >>"$MNT/s/all"
kill9
wait $reader || true
mount_fs
timeout 2 cat "$MNT/s@cursor=c/all" >"$WORK/second"
first=$(head -n 1 "$WORK/second")
[ -z "$first" ] || [ "$first" -ge 1001 ] || fail "repeats from $first"
sort -n -u "$WORK/first" "$WORK/second" >"$WORK/union"
seq 1 2000 | cmp - "$WORK/union" || fail "records are missing"
kill9
mount_fs
equal '' "$(cat "$MNT/s@cursor=c/all")" "after a close"
