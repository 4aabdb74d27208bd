#!/bin/bash
# select, poll and epoll say that a follow file is readable when it is, and wake when it becomes so.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
expect_errno 0 '
for p in "s@follow/shardId-000000000000", "s@follow/all":
    r = os.open(p, os.O_NONBLOCK)
    os.lseek(r, 0, os.SEEK_SET)
    while True:
        try: os.read(r, 1000)
        except BlockingIOError: break
    e = select.epoll()
    e.register(r, select.EPOLLIN)
    assert e.poll(0) == [], p
    threading.Timer(0.3, append, ["s/shardId-000000000000", "line\n"]).start()
    start = time.monotonic()
    assert e.poll(20) == [(r, select.EPOLLIN)], p
    assert time.monotonic() - start > 0.2
    assert os.read(r, 100) == b"line\n"
    assert e.poll(0) == []
    assert select.select([r], [], [], 0)[0] == [], p
    threading.Timer(0.3, append, ["s/shardId-000000000000", "more\n"]).start()
    start = time.monotonic()
    assert select.select([r], [], [], 20)[0] == [r], p
    assert time.monotonic() - start > 0.2
    assert os.read(r, 100) == b"more\n"'
