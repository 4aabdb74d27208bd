#!/bin/bash
# from= is resolved when a name is looked up, so by each open and each stat of a path: an open file keeps its beginning,
# offset 0 and the size count from it; a file opened later begins where the value then means.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
seq 1 10 >>"$MNT/s/all"
for name in s@from=-3/all s@from=-3/shardId-000000000000 s@len,from=-3/all; do
    exec 5<"$MNT/$name"
    size=$(stat -L -c %s /proc/self/fd/5)
    seq 11 13 >>"$MNT/s/all"
    cat "$MNT/s/all" >/dev/null # what is remote is fetched for who opens
    grew=$(stat -L -c %s /proc/self/fd/5)
    [ "$grew" -gt "$size" ] || fail "$name did not grow"
    equal "$grew" "$(cat <&5 | wc -c)" "size and bytes of $name"
    exec 5<&-
    [ "$(stat -c %s "$MNT/$name")" -lt "$grew" ] || fail "$name does not begin anew"
done
