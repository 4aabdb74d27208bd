#!/bin/bash
# Aggregates are taken apart in every view but raw and len, unless those have kpl; json tells sub-sequence numbers.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
printf '%s\n' one two three >"$WORK/lines"
printf 'single\n\363\211\232\302 malformed\n' >>"$MNT/s/all"
cat "$WORK/lines" >>"$MNT/s@kpl,key=k/all"
{ printf 'single\n\363\211\232\302 malformed\n' && cat "$WORK/lines"; } >"$WORK/want"
for file in s/all s/shardId-000000000000 s@kpl/all s@from=-3/all; do same "$WORK/want" "$MNT/$file"; done
equal "$(stat -c %s "$WORK/want")" "$(stat -c %s "$MNT/s/shardId-000000000000")" size
tr '\n' '\0' <"$WORK/want" | cmp - "$MNT/s@nul/all"
tr -d '\n' <"$WORK/want" | cmp - "$MNT/s@kpl,raw/all"
equal '["one",0,"k"] ["two",1,"k"] ["three",2,"k"]' \
    "$(tail -n 3 "$MNT/s@json/all" | jq -c '[.Data,.SubSequenceNumber,.PartitionKey]' | paste -sd ' ')"
equal 1 "$(tail -n 3 "$MNT/s@json/all" | jq .SequenceNumber | sort -u | wc -l)" "sequence numbers"
equal null "$(head -n 1 "$MNT/s@json/all" | jq .SubSequenceNumber)"
equal 3 "$(stored "$MNT/s")" "stored records"
equal f3899ac2 "$(tail -c +21 "$MNT/s@raw/all" | head -c 4 | od -An -tx1 | tr -d ' ')" "the aggregate, raw"
printf '\363\211\232\302 another\n' >>"$MNT/s/all"
printf '\363\211\232\302 another\n' | cmp - <(tail -n 1 "$MNT/s/all")
grep -q '"undecoded_records":[1-9]' "$MNT/.kinesisfs/status.json"
mkdir "$MNT/copy"
cat "$MNT/s@json/all" >>"$MNT/copy@json/all" # can be written back
same "$MNT/s/all" "$MNT/copy/all"
