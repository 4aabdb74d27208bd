#!/bin/bash
# A shared mapping is ENODEV; a private one shows what was there.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
echo line >>"$shard"
expect_errno ENODEV 'mmap.mmap(os.open("s/all", os.O_RDWR), 5, flags=mmap.MAP_SHARED)'
expect_errno 0 'assert mmap.mmap(os.open("s/all", 0), 5, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)[:] == b"line\n"'
