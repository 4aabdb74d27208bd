#!/bin/bash
# With O_NONBLOCK a follow read at the tip is EAGAIN.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
expect_errno EAGAIN 'os.read(os.open("s@follow/shardId-000000000000", os.O_NONBLOCK), 1)'
expect_errno EAGAIN 'os.read(os.open("s@follow/all", os.O_NONBLOCK), 1)'
echo line >>"$shard"
expect_errno 0 'assert os.read(os.open("s@follow/all", os.O_NONBLOCK), 10) == b"line\n"'
