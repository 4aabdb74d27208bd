#!/bin/bash
# follow combines with every view: reads, poll, epoll and socat of files that begin at the end wake for what comes.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
seq 1 1000 >>"$MNT/s/all"
cat "$MNT/s@from=end,follow/all" >"$WORK/lines" &
cat "$MNT/s@follow,len,from=end/shardId-000000000000" >"$WORK/len" &
while read -r line; do echo "got $line"; done <"$MNT/s@follow,from=end/all" >"$WORK/while" &
socat -u "OPEN:$MNT/s@follow\\,nul\\,from=end/all" - >"$WORK/nul" &
expect_errno 0 'import selectors
selector = selectors.DefaultSelector()
names = [f"s@follow,from=end{view}/{name}" for view in ("", ",json", ",nul", ",raw") for name in ("all", "shardId-000000000000")]
for name in names: selector.register(os.open(name, os.O_RDONLY), selectors.EVENT_READ)
assert not selector.select(0.2)
threading.Timer(0.3, append, ("s/all", "new\n")).start()
begin, woken = time.time(), set()
while len(woken) < len(names) and time.time() < begin + 20: woken |= {key.fd for key, mask in selector.select(1)}
assert len(woken) == len(names)
assert {os.read(fd, 1000)[-2:] for fd in woken} == {b"w\n", b"w\0", b"ew", b"}\n"}'
printf 'new\n' >"$WORK/want"
wait_for 10 cmp -s "$WORK/want" "$WORK/lines"
wait_for 10 grep -qx 'got new' "$WORK/while"
wait_for 10 grep -qzx new "$WORK/nul"
wait_for 10 cmp -s <(printf '\0\0\0\3new') "$WORK/len"
