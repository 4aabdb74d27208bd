#!/bin/bash
# on_closed=follow: a writer of a remote shard that is split goes on in the children, and fsync covers them.
. "$(dirname "$0")/lib_remote.sh"
endpoint own
mount_remote --on-closed=follow --refresh=200ms
mkdir "$MNT/clicks"
(for i in $(seq 1 300); do echo "$i" && sleep 0.01; done >>"$MNT/clicks/shardId-000000000000") &
sleep 1
setfattr -n user.kinesis.shard_count -v 4 "$MNT/clicks"
wait $!
python3 -c 'import os, sys; fd = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND); os.write(fd, b"301\n"); os.fsync(fd)' \
    "$MNT/clicks/shardId-000000000000"
spool_is_empty
sort -n "$MNT/clicks/all" | cmp - <(seq 1 301)
if [ "$(wc -l <"$MNT/clicks/shardId-000000000000")" -ge 300 ]; then fail "nothing followed"; fi
