#!/bin/bash
# Lines of several writers never mix, however each cuts its writes, and each writer's stay in order.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
expect_errno 0 '
pids = []
for w in range(4):
    pids.append(os.fork())
    if pids[-1] == 0:
        f = os.open("s/shardId-000000000000", os.O_WRONLY | os.O_APPEND)
        data = b"".join(b"%d %d %s\n" % (w, i, b"x" * (i % 97)) for i in range(2000))
        step = 4093 + w
        for at in range(0, len(data), step):
            os.write(f, data[at:at + step])
        os._exit(0)
assert all(os.waitpid(p, 0)[1] == 0 for p in pids)
seen = [0] * 4
for line in open("s/all", "rb"):
    w, i, x = line[:-1].split(b" ")
    assert int(i) == seen[int(w)] and x == b"x" * (int(i) % 97), line
    seen[int(w)] += 1
assert seen == [2000] * 4, seen'
