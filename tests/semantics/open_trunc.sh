#!/bin/bash
# O_TRUNC succeeds and removes nothing.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
echo one >"$shard"
echo two >"$shard"
: >"$shard"
equal $'one\ntwo' "$(<"$shard")"
