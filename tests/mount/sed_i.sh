#!/bin/bash
# sed -i, perl -i, sort -o and vim :w cannot rewrite a shard: they say so and harm nothing.
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
