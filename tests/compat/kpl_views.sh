#!/bin/bash
# Amazon's library for Python with boto3 and the files: each takes apart what the other stores, files in every view but
# raw and len; the API has it as it is.
. "$(dirname "$0")/lib_api.sh"

need_python
mount_api
seq 3000 >"$WORK/lines"
mkdir "$MNT/theirs" "$MNT/ours@shards=3"
py kpl_views.py put theirs "$WORK/lines"
for file in theirs/all theirs/shardId-000000000000 theirs@kpl/all; do same "$WORK/lines" "$MNT/$file"; done
equal '"key-77"' "$(sed -n 77p "$MNT/theirs@json/all" | jq .PartitionKey)"
[ "$(stored "$MNT/theirs")" -lt 10 ] || fail "not aggregated"
py kpl_views.py get theirs - | cmp - "$WORK/lines"
cat "$WORK/lines" >>"$MNT/ours@kpl/all"
py kpl_views.py get ours - | sort -n | cmp - "$WORK/lines"
