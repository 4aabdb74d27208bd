#!/bin/bash
# Reading through cursor=NAME goes on behind the last record that was read and gone on from: by each open, over a remount
# and kill -9, in any framing, of a shard and of all; a stream made anew is read from its start.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s@shards=2"
shard=shardId-000000000000
get() { # WANT FILE
    equal "$1" "$(tr '\n' ' ' <"$MNT/$2")" "$2"
}
printf '1\n2\n' >>"$MNT/s/$shard"
get '1 2 ' "s@cursor=c/$shard"
get '' "s@cursor=c/$shard"
seq 3 4 >>"$MNT/s/$shard"
equal 4 "$(stat -Lc %s /dev/stdin <"$MNT/s@cursor=c/$shard")" "size"
kill9
mount_fs
get '3 4 ' "s@cursor=c/$shard"
echo 5 >>"$MNT/s/$shard"
remount
equal '"5"' "$(jq .Data "$MNT/s@json,cursor=c/$shard")" "what json reads"
printf '6\n7\n8\n' >>"$MNT/s/all"
equal "6 7 8 " "$(sort "$MNT/s@cursor=c/all" | tr '\n' ' ')" "all"
remount
get '' "s@cursor=c/all"
rmdir "$MNT/s"
mkdir "$MNT/s"
echo new >>"$MNT/s/$shard"
get 'new ' "s@cursor=c/$shard"
