#!/bin/bash
# sed -i and perl -i cannot rewrite a shard and say so; vim :w and sort -o add to it. What was there stays.
. "$(dirname "$0")/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
seq 100 >"$WORK/want"
cat "$WORK/want" >>"$shard"
sed -i s/1/2/ "$shard" 2>"$WORK/said" && fail "sed -i"
grep -q "couldn't open temporary file.*Operation not permitted" "$WORK/said"
perl -i -pe s/1/2/ "$shard" 2>"$WORK/said" && same "$WORK/want" "$shard"
same "$WORK/want" "$shard"
if command -v vim >/dev/null; then
    timeout 20 vim -u NONE -n -es -c ':%s/1/2/' -c ':w!' -c ':q!' "$shard" </dev/null >/dev/null 2>&1 || true
    head -n 100 "$shard" | cmp - "$WORK/want"
fi
before=$(wc -l <"$shard")
sort -o "$shard" "$shard"
equal $((before * 2)) "$(wc -l <"$shard")" "lines after sort -o"
