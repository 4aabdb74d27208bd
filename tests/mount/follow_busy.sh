#!/bin/bash
# Readers that wait while a writer writes: each wait ends, and nothing of it is touched afterwards.
. "$(dirname "$0")/lib.sh"

mount_fs
mkdir "$MNT/s"
expect_errno 0 '
p = "shardId-000000000000"
end = time.monotonic() + 3
if os.fork() == 0:
    f = os.open("s/" + p, os.O_WRONLY | os.O_APPEND)
    while time.monotonic() < end + 1:
        os.write(f, b"x\n")
    os._exit(0)
for reader in range(4):
    if os.fork() == 0:
        while time.monotonic() < end:
            r = os.open("s@follow/" + p, os.O_RDONLY)
            os.lseek(r, 0, os.SEEK_END)
            assert all(len(os.read(r, 65536)) for _ in range(20))
            os.close(r)
        os._exit(0)
for child in range(5):
    assert os.wait()[1] == 0'
