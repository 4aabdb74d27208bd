#!/bin/bash
# 10,000 readers of one shard that follow: an append wakes all of them at once, and the daemon stays under 64 MB.
# timeout: 120
# alone:
. "$(dirname "$0")/../mount/lib.sh"

ulimit -n 20000 || skip "needs 20,000 open files"
mount_fs
mkdir "$MNT/s"
seq 100000 >>"$MNT/s/all"
expect_errno 0 '
poll = select.epoll()
files = [os.open("s@follow,from=end/shardId-000000000000", os.O_RDONLY | os.O_NONBLOCK) for _ in range(10000)]
for f in files:
    poll.register(f, select.EPOLLIN)
assert poll.poll(0.2) == []
for text in b"one\n", b"two\n":
    begin, waiting = time.time(), set(files)
    append("s/all", text)
    while waiting and time.time() < begin + 30:
        for f, _ in poll.poll(1, 10000):
            assert os.read(f, 100) == text
            waiting.discard(f)
    print(f"{len(files) - len(waiting)} readers in {time.time() - begin:.2f} s")
    assert not waiting
assert poll.poll(0.2) == []
rss = [int(line.split()[1]) for line in open("/proc/'"$DAEMON"'/status") if line.startswith("VmRSS")][0]
print(f"{rss} KB resident")
assert rss < 65536'
