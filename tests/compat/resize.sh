#!/bin/bash
# Programs that log to `all` go on over a resize and lose nothing; to a shard file that is closed they cannot write.
. "$(dirname "$0")/lib.sh"

need python3 setfattr
mount_fs
mkdir "$MNT/s"
jobs=()
for writer in 1 2 3; do
    python3 "$ROOT/tests/compat/python_writer.py" file "$MNT/s/all" $writer 500 0.004 &
    jobs+=($!)
done
python3 "$ROOT/tests/compat/python_writer.py" file "$MNT/s/shardId-000000000000" 4 500 0.004 2>"$WORK/said" &
jobs+=($!)
has() { [ "$(wc -l <"$MNT/s/all")" -ge "$1" ]; }
for count in 2 4 1; do
    wait_for 20 has $((count * 200))
    setfattr -n user.kinesis.shard_count -v $count "$MNT/s"
done
wait "${jobs[@]}"
for writer in 1 2 3; do
    cmp <(grep -oE "writer $writer line [0-9]+ end\$" "$MNT/s/all" | sort -n -k 4) <(seq -f "writer $writer line %.0f end" 500)
done
lost=$(grep -c '^OSError: .*Read-only file system' "$WORK/said")
[ "$lost" -gt 0 ] || fail "it could write to a closed shard"
equal $((2000 - lost)) "$(wc -l <"$MNT/s/all")" "lines"
