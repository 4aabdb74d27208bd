#!/bin/bash
# from says where a new cursor begins, in every shard there is when it is first opened; it has no say later, and shards
# that come later are read from their start. stat makes no cursor.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s@shards=2"
seq 1 20 >>"$MNT/s/all"
equal 0 "$(stat -c %s "$MNT/s@cursor=c,from=end/all")" "size at the end"
[ ! -e "$MNT/.kinesisfs/cursors/c" ] || fail "stat made a cursor"
equal '' "$(cat "$MNT/s@cursor=c,from=end/shardId-000000000000")" "a new cursor at the end"
[ -e "$MNT/.kinesisfs/cursors/c" ] || fail "open made no cursor"
seq 21 24 >>"$MNT/s/all"
setfattr -n user.kinesis.shard_count -v 4 "$MNT/s"
seq 25 40 >>"$MNT/s/all"
equal "$(seq 21 40)" "$(sort -n "$MNT/s@cursor=c,from=end/all")" "what came since"
remount
equal '' "$(cat "$MNT/s@cursor=c,from=start/all")" "from of a cursor that there is"
seq 3 >>"$MNT/s/shardId-000000000002"
equal 3 "$(wc -l <"$MNT/s@cursor=last,from=-3/shardId-000000000002")" "the last three"
