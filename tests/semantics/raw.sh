#!/bin/bash
# raw: one write(2) is one record, whatever is in it, an empty one none; what is read is the records' bytes, nothing between.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
printf 'no end' >>"$MNT/s@raw/all"
expect_errno 0 'f = os.open("s@raw/shardId-000000000000", os.O_WRONLY | os.O_APPEND)
for data in [b"one\ntwo\n", b"", b"\0\377"]: os.write(f, data)'
equal '"no end" "one\ntwo\n" null "AP8="' \
    "$(jq -sc '.[] | .Data' "$MNT/s@json/all" | tr '\n' ' ')$(jq -sc '.[2].DataBase64' "$MNT/s@json/all")" records
printf 'no endone\ntwo\n\0\377' >"$WORK/want"
same "$WORK/want" "$MNT/s@raw/all"
