#!/bin/bash
# Processes that share a description by fork write one line in the order of their writes.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
(printf 'a'; (printf 'b'); bash -c 'printf c'; printf 'd\n'; bash -c 'echo e') >>"$shard"
equal $'abcd\ne' "$(<"$shard")"
