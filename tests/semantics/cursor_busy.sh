#!/bin/bash
# Of a cursor a shard is read by one open file at a time, and all is every shard: opening another is EBUSY and in errors;
# writing, stat and another cursor are free. The end of the first, also by kill, lets the next in.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s@shards=2"
seq 1 9 >>"$MNT/s/all"
exec 5<"$MNT/s@cursor=c/shardId-000000000000"
expect_errno EBUSY 'os.open("s@cursor=c/shardId-000000000000", os.O_RDONLY)'
tail -n 1 "$MNT/.kinesisfs/errors" | jq -e '.errno == "EBUSY" and (.message | contains("another open file"))' >/dev/null
expect_errno EBUSY 'os.open("s@json,cursor=c/all", os.O_RDONLY)'
expect_errno EBUSY 'os.unlink(".kinesisfs/cursors/c")'
echo more >>"$MNT/s@cursor=c/all"
stat "$MNT/s@cursor=c/all" >/dev/null
cat "$MNT/s@cursor=c/shardId-000000000001" "$MNT/s@cursor=d/all" >/dev/null
exec 5<&-
tail -f "$MNT/s@follow,cursor=c/all" >"$WORK/out" &
wait_for 10 test -s "$WORK/out"
expect_errno EBUSY 'os.open("s@cursor=c/shardId-000000000001", os.O_RDONLY)'
kill -KILL $!
wait $! || true
for _ in {1..50}; do
    cat "$MNT/s@cursor=c/all" >/dev/null
done
