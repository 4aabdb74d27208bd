#!/bin/bash
# In all the records of a write become one aggregate for each shard that owns some, also after a resize.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s@shards=3"
seq 1000 >"$WORK/lines"
cat "$WORK/lines" >>"$MNT/s@kpl/all"
equal 3 "$(stored "$MNT/s")" "stored records"
exec 3>>"$MNT/s@kpl/all"
setfattr -n user.kinesis.shard_count -v 4 "$MNT/s"
cat "$WORK/lines" >&3
exec 3>&-
sort -n "$MNT/s@kpl/all" | uniq -c | awk '$1 != 2' | grep . && fail "each line was written twice"
equal 2000 "$(wc -l <"$MNT/s@kpl/all")" lines
jq -r '[.PartitionKey, .ShardId] | @tsv' "$MNT/s@kpl,json/all" >"$WORK/keys"
for shard in "$MNT"/s/shardId-*; do
    range=$(getfattr --only-values -n user.kinesis.starting_hash_key "$shard") || fail "no range"
    end=$(getfattr --only-values -n user.kinesis.ending_hash_key "$shard")
    python3 - "$WORK/keys" "$(basename "$shard")" "$range" "$end" <<'END'
import hashlib, sys
for line in open(sys.argv[1]):
    key, shard = line.split()
    if shard == sys.argv[2]:
        assert int(sys.argv[3]) <= int(hashlib.md5(key.encode()).hexdigest(), 16) <= int(sys.argv[4]), line
END
done
