#!/bin/bash
# The view kpl and Amazon's library for Python with boto3: each takes apart what the other stores.
. "$(dirname "$0")/lib_api.sh"

need_python
mount_api
seq 3000 >"$WORK/lines"
mkdir "$MNT/theirs" "$MNT/ours@shards=3"
py kpl_views.py put theirs "$WORK/lines"
same "$WORK/lines" "$MNT/theirs@kpl/all"
equal '"key-77"' "$(sed -n 77p "$MNT/theirs@kpl,json/all" | jq .PartitionKey)"
[ "$(jq -s length "$MNT/theirs@json/all")" -lt 10 ] || fail "not aggregated"
cat "$WORK/lines" >>"$MNT/ours@kpl/all"
py kpl_views.py get ours - | sort -n | cmp - "$WORK/lines"
