#!/bin/bash
# rmdir deletes a stream with its records; what had it open gets ENOENT, and a new one of the name begins empty.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
echo line >>"$shard"
expect_errno ENOENT 'f = os.open("s/all", 0); os.rmdir("s"); os.read(f, 1)'
expect_errno ENOENT 'os.stat("s")'
mkdir "$MNT/s"
equal 0 "$(stat -c %s "$shard")" "size of the new one"
expect_errno ENOENT '
f = os.open("s/shardId-000000000000", os.O_WRONLY | os.O_APPEND)
os.rmdir("s")
os.mkdir("s")
os.write(f, b"of the old one\n")'
equal 0 "$(stat -c %s "$shard")" "size of the newest one"
