#!/bin/bash
# An unfinished line over the limit is refused by the write that takes it over it, not silently at close.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
head -c 1048576 /dev/zero | tr '\0' x >>"$shard" || fail "a line of the limit"
equal 1048577 "$(wc -c <"$shard")"
head -c 1048577 /dev/zero | tr '\0' y >>"$shard" 2>"$WORK/said" && fail "limit + 1 was taken and is gone"
grep -q 'Message too long' "$WORK/said"
equal 1048577 "$(wc -c <"$shard")"
