#!/bin/bash
# A power loss may take records that a cursor is behind already: what is written then is read, none of it left out.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs --sync-interval=1h
mkdir "$MNT/s"
seq 1000 >>"$MNT/s/all"
expect_errno 0 'os.fsync(os.open("s/shardId-000000000000", os.O_WRONLY))'
find "$STORE/streams" -type f \( -name '*.data' -o -name '*.index' \) -printf '%s %p\n' >"$WORK/synced"
seq 1001 1500 >>"$MNT/s/all"
equal 1500 "$(wc -l <"$MNT/s@cursor=c/all")" "records read"
kill9
while read -r size file; do truncate -s "$size" "$file"; done <"$WORK/synced"
mount_fs
equal 1000 "$(wc -l <"$MNT/s/all")" "records left"
seq 2001 2300 >>"$MNT/s/all"
equal 300 "$(jq .streams[0].lag_records "$MNT/.kinesisfs/cursors/c")" "lag"
seq 2001 2300 | cmp - "$MNT/s@cursor=c/all"
