#!/bin/bash
# flock and fcntl locks succeed, and exclude no one who opened the file by himself.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
expect_errno 0 '
a = os.open("s/all", os.O_RDWR)
b = os.open("s/all", os.O_RDWR)
fcntl.flock(a, fcntl.LOCK_EX | fcntl.LOCK_NB)
fcntl.flock(b, fcntl.LOCK_EX | fcntl.LOCK_NB)
fcntl.lockf(a, fcntl.LOCK_EX | fcntl.LOCK_NB)
child = os.fork()
if child == 0:
    fcntl.lockf(os.open("s/all", os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0'
