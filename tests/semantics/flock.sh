#!/bin/bash
# flock excludes, whoever opened the file and in whatever view; a wait for it can be interrupted; close and kill end it.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
file=$MNT/s/shardId-000000000000
held() { ! flock -n "$file" true; }
(exec 9<"$file" && flock 9 && exec sleep 60) &
holder=$!
wait_for 10 held
flock -n -s "$MNT/s@json/shardId-000000000000" true && fail "held, and got in another view"
flock -n "$MNT/s/all" true || fail "another file's lock"
expect_errno EINTR '
f = os.open("s/shardId-000000000000", os.O_RDONLY)
signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(InterruptedError(4, "")))
signal.setitimer(signal.ITIMER_REAL, 0.2)
fcntl.flock(f, fcntl.LOCK_EX)'
flock "$file" echo got >"$WORK/waits" &
sleep 0.3
[ ! -s "$WORK/waits" ] || fail "got what another has"
kill -KILL "$holder"
wait_for 10 grep -q got "$WORK/waits"
for _ in {1..100}; do flock -n "$file" true || fail "still locked after the close"; done
echo 0 >"$WORK/n"
for _ in {1..4}; do # as scripts count
    (for _ in {1..25}; do flock "$file" bash -c 'n=$(<"$0") && echo $((n + 1)) >"$0"' "$WORK/n"; done) &
done
wait_for 30 grep -qx 100 "$WORK/n"
