#!/bin/bash
# What is read is byte for byte what was written: empty lines, NULs, no UTF-8; a last line without newline gets one.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
python3 -c 'import os; os.write(1, b"\n\n\0\n\r\n\xff\xfe\n" + os.urandom(300000))' >"$WORK/any"
cat "$WORK/any" >>"$shard"
cp "$WORK/any" "$WORK/want"
[ -z "$(tail -c 1 "$WORK/any")" ] || echo >>"$WORK/want"
same "$WORK/want" "$shard"
mkdir "$MNT/copy"
cat "$shard" >>"$MNT/copy/all"
same "$shard" "$MNT/copy/shardId-000000000000"
