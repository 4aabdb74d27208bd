#!/bin/bash
# mkdir NAME creates a stream of `shards` shards, mkdir NAME@shards=N one of N.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs --shards=2
mkdir "$MNT/two" "$MNT/four@shards=4"
equal $'.kinesisfs\nfour\ntwo' "$(ls -A "$MNT")" "root"
equal $'all\nshardId-000000000000\nshardId-000000000001' "$(ls "$MNT/two")" "stream"
equal 5 "$(find "$MNT/four" -type f | wc -l)" "files of four"
