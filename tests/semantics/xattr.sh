#!/bin/bash
# Extended attributes describe a stream and a shard.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
echo line >>"$shard"
value() { getfattr --only-values -n "user.kinesis.$1" "$2"; }
equal arn:aws:kinesis:us-east-1:000000000000:stream/s "$(value arn "$MNT/s")"
equal "ACTIVE 1 24" "$(value status "$MNT/s") $(value shard_count "$MNT/s") $(value retention_hours "$MNT/s")"
equal 0 "$(value starting_hash_key "$shard")"
equal 340282366920938463463374607431768211455 "$(value ending_hash_key "$shard")"
equal "$(jq -r .SequenceNumber "$MNT/s@json/all")" "$(value last_sequence_number "$shard")"
setfattr -n user.kinesis.shard_count -v 2 "$MNT/s"
equal shardId-000000000000 "$(value parent "$MNT/s/shardId-000000000001")"
expect_errno ENODATA 'os.getxattr("s", "user.other")'
expect_errno ENODATA 'os.getxattr("s/shardId-000000000000", "user.kinesis.parent")'
