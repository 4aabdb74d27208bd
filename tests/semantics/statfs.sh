#!/bin/bash
# statfs is that of the store's file system.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
expect_errno 0 '
a, b = os.statvfs("."), os.statvfs(os.environ["STORE"])
assert a.f_blocks * a.f_frsize == b.f_blocks * b.f_frsize // 4096 * 4096
assert abs(a.f_bavail * a.f_frsize - b.f_bavail * b.f_frsize) < 1 << 30
assert a.f_files == b.f_files and a.f_namemax == 255'
