#!/bin/bash
# Aggregates are taken apart in views with kpl, of any framing, and in no other; json tells sub-sequence numbers.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
printf '%s\n' one two three >"$WORK/lines"
printf 'single\n\363\211\232\302 malformed\n' >>"$MNT/s/all"
cat "$WORK/lines" >>"$MNT/s@kpl,key=k/all"
{ printf 'single\n\363\211\232\302 malformed\n' && cat "$WORK/lines"; } >"$WORK/want"
same "$WORK/want" "$MNT/s@kpl/all"
tr '\n' '\0' <"$WORK/want" | cmp - "$MNT/s@nul,kpl/all"
tr -d '\n' <"$WORK/want" | cmp - "$MNT/s@kpl,raw/all"
equal '["one",0,"k"] ["two",1,"k"] ["three",2,"k"]' \
    "$(tail -n 3 "$MNT/s@kpl,json/all" | jq -c '[.Data,.SubSequenceNumber,.PartitionKey]' | paste -sd ' ')"
equal 1 "$(tail -n 3 "$MNT/s@kpl,json/all" | jq .SequenceNumber | sort -u | wc -l)" "sequence numbers"
equal null "$(head -n 1 "$MNT/s@kpl,json/all" | jq .SubSequenceNumber)"
equal 3 "$(jq -s length "$MNT/s@json/all")" "stored records"
[ "$(stat -c %s "$MNT/s/all")" -gt "$(($(stat -c %s "$WORK/want") + 20))" ] || fail "the aggregate is not shown as stored"
grep -q '"undecoded_records":[1-9]' "$MNT/.kinesisfs/status.json"
mkdir "$MNT/copy"
cat "$MNT/s@kpl,json/all" >>"$MNT/copy@json/all" # can be written back
same "$WORK/want" "$MNT/copy/all"
