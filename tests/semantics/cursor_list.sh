#!/bin/bash
# Cursors are listed in /.kinesisfs/cursors, with places and lag, and with their lag in status.json; rm removes one, in every
# stream that has it, and it begins anew; nothing else can be made or changed there.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
cursors=$MNT/.kinesisfs/cursors
equal '' "$(ls "$cursors")"
mkdir "$MNT/s@shards=2" "$MNT/t"
seq 1 10 | tee -a "$MNT/s/all" >>"$MNT/t/all"
cat "$MNT/s@cursor=b/all" "$MNT/t@cursor=b/all" >/dev/null
python3 -c 'import os, sys; fd = os.open(sys.argv[1], 0); os.read(fd, 5); os.fsync(fd)' "$MNT/t@cursor=a-1/all"
equal "a-1 b" "$(cd "$cursors" && echo *)" "the list"
seq 11 13 >>"$MNT/t/all"
equal 13 "$(wc -l <"$MNT/t/all")" lines
jq -e '[.streams[] | [.stream, .lag_records, .reading]] == [["s", 0, false], ["t", 3, false]]' "$cursors/b" >/dev/null
jq -e '.streams[0].places[0] | .shard == "shardId-000000000000" and .lag_records == 11' "$cursors/a-1" >/dev/null
jq -e '[.streams[].cursors[] | [.cursor, .lag_records]] == [["b", 0], ["a-1", 11], ["b", 3]]' \
    "$MNT/.kinesisfs/status.json" >/dev/null
exec 5<"$MNT/s@cursor=b/all"
jq -e '.streams[0].reading' "$cursors/b" >/dev/null
exec 5<&-
rm "$cursors/b"
equal a-1 "$(ls "$cursors")" "after rm"
equal 10 "$(wc -l <"$MNT/s@cursor=b/all")" "after rm"
expect_errno ENOENT 'os.unlink(".kinesisfs/cursors/none")'
expect_errno EPERM 'os.open(".kinesisfs/cursors/new", os.O_CREAT | os.O_WRONLY)'
expect_errno EPERM 'os.open(".kinesisfs/cursors/a-1", os.O_WRONLY)'
expect_errno EPERM 'os.rmdir(".kinesisfs/cursors")'
