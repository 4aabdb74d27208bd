#!/bin/bash
# Closing a dup'd descriptor is not the end of a line.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
{
    printf 'one '
    printf 'line' >&2
    exec 3>&1 3>&-
    printf ' only\n'
} >>"$shard" 2>&1
equal "one line only" "$(<"$shard")"
