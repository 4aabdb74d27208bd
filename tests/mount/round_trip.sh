#!/bin/bash
# What is written through a framing, cut anywhere, with and without gzip, zstd and kpl, to a shard and to all, is read
# through it, and through len and json, as the same records.
# timeout: 120
. "$(dirname "$0")/lib.sh"

mount_fs
seed=$RANDOM
python3 "$ROOT/tests/mount/round_trip.py" "$seed" 60 || fail "seed $seed"
# The largest record there is, written and read in odd pieces.
mkdir "$MNT/big@shards=2"
setfattr -n user.kinesis.max_record_kib -v 10240 "$MNT/big"
head -c 10485760 /dev/urandom >"$WORK/record"
python3 -c 'import os, struct; os.write(1, struct.pack(">I", 10485760))' >"$WORK/frame"
cat "$WORK/record" >>"$WORK/frame"
for file in shardId-000000000001 all; do
    dd if="$WORK/frame" of="$MNT/big@len/$file" bs=77777 oflag=append conv=notrunc status=none
    tail -c 10485764 "$MNT/big@len/$file" | cmp - "$WORK/frame"
    tail -n 1 "$MNT/big@json/$file" | jq -r .DataBase64 | base64 -d | cmp - "$WORK/record"
done
