#!/bin/bash
# What does not expand is shown as it is and counted; so is what would be over 10 MiB, which errors says.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
echo plain >>"$MNT/s/all"
head -c $((10 << 20)) /dev/zero | tr '\0' x | gzip -c >"$WORK/largest"
head -c $(((10 << 20) + 1)) /dev/zero | tr '\0' x | gzip -c >"$WORK/bomb"
for file in largest bomb; do
    dd if="$WORK/$file" of="$MNT/s@raw/all" bs=64k oflag=append conv=notrunc status=none
done
{ echo plain && gzip -dc "$WORK/largest" && echo && cat "$WORK/bomb" && echo; } >"$WORK/want"
equal "$(stat -c %s "$WORK/want")" "$(stat -Lc %s /dev/stdin <"$MNT/s@gzip/all")" size
equal 0 "$(jq .undecoded_records "$MNT/.kinesisfs/status.json")" "before it is read"
cat "$MNT/s@gzip/all" >"$WORK/got"
same "$WORK/want" "$WORK/got"
equal 2 "$(jq .undecoded_records "$MNT/.kinesisfs/status.json")" undecoded
grep -q '^kinesisfs_undecoded_records_total 2$' "$MNT/.kinesisfs/metrics"
grep -c 'becomes more than 10485760 bytes' "$MNT/.kinesisfs/errors" | grep -qx 1
