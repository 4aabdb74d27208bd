#!/bin/bash
# keyfrom=: the key is a field of the record, a member of its JSON, or what an expression matches. One without it gets a
# random key in all, in a shard the shard's id, and is counted in status.json and metrics.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs --shards=2
mkdir "$MNT/s"
put() { printf '%s\n' "$2" >>"$MNT/s@keyfrom=$1"; }
put field:2/all 'GET alice 1'
put json:user.id/all '{"time":1,"user":{"name":"x","id":"bob"}}'
put json:n/all '{"n":42}'
put 'regex:user%3D([a-z]+)/all' 'x user=carol y'
put 'regex:[0-9]+$/shardId-000000000001' 'order 7788'
equal '42 7788 alice bob carol' "$(jq -r .PartitionKey "$MNT/s@json/all" | sort | xargs)"
grep -q '"keyless_records":0,' "$MNT/.kinesisfs/status.json"
put field:9/all few
put json:user/all 'no JSON'
put regex:x/shardId-000000000001 y
equal shardId-000000000001 "$(jq -r 'select(.Data == "y").PartitionKey' "$MNT/s@json/all")"
equal 2 "$(jq -r 'select(.Data == "few" or .Data == "no JSON").PartitionKey' "$MNT/s@json/all" | grep -cE '^[0-9a-f]{16}$')"
grep -q '"keyless_records":3,' "$MNT/.kinesisfs/status.json"
grep -qx 'kinesisfs_keyless_records_total 3' "$MNT/.kinesisfs/metrics"
