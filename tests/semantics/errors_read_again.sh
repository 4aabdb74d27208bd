#!/bin/bash
# A read that fails again at the same offset of the same description is said once.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs --retention-size=128K --segment-size=64K
mkdir "$MNT/s"
expect_errno 0 '
p = "s/shardId-000000000000"
append(p, b"first\n")
readers = [os.open(p, os.O_RDONLY) for _ in range(3)]
def is_stale(r, offset):
    try:
        os.pread(r, 100, offset)
    except OSError as e:
        return e.errno == errno.ESTALE
until = time.time() + 20
while not is_stale(readers[2], 0) and time.time() < until:
    append(p, (b"x" * 99 + b"\n") * 1000)
    time.sleep(0.02)
for r in readers[:2]:
    for offset in (0, 0, 0, 1, 1, 0):
        assert is_stale(r, offset)
    assert os.pread(r, 100, os.fstat(r).st_size - 100) == b"x" * 99 + b"\n"
    assert is_stale(r, 0)'
# The third: 0. Each of the others: 0, 1, 0, and 0 once more after a read that succeeded.
equal 9 "$(grep -c '"operation":"read".*ESTALE' "$MNT/.kinesisfs/errors")" "errors"
equal 9 "$(grep -c 'warning: read .*ESTALE' "$LOG")" "lines of the log"
