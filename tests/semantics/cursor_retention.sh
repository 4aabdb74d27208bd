#!/bin/bash
# Where retention has removed records that a cursor had not read, it goes on at the oldest that is left, and errors says
# at the open how many bytes it missed.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs --retention-size=128K --segment-size=64K
mkdir "$MNT/s"
shard=shardId-000000000000
seq -f '%0100.0f' 10 >>"$MNT/s/$shard"
equal 10 "$(wc -l <"$MNT/s@cursor=c/$shard")" "records read"
seq -f '%0100.0f' 11 5000 >>"$MNT/s/$shard"
trimmed() {
    [ "$(stat -c %s "$MNT/s/$shard")" -lt 300000 ]
}
wait_for 20 trimmed
for name in $shard all; do
    exec 5<"$MNT/s@cursor=c/$name"
    tail -n 1 "$MNT/.kinesisfs/errors" | jq -e '.errno == "ESTALE" and
        (.message | contains("retention has removed") and contains("bytes that cursor '"'c'"' had not read"))' >/dev/null
    head -n 1 <&5 >"$WORK/got"
    exec 5<&-
    head -n 1 "$MNT/s/$shard" | same "$WORK/got" -
done
said=$(wc -l <"$MNT/.kinesisfs/errors")
cat "$MNT/s@cursor=c/all" "$MNT/s@cursor=c/all" >/dev/null
exec 5<"$MNT/s@cursor=c/all" 5<&-
equal "$((said + 1))" "$(wc -l <"$MNT/.kinesisfs/errors")" "lines of errors, one for the cat that had missed some"
