#!/bin/bash
# fsync and fdatasync return when the records are on the disk: the daemon has synced data and index by then.
. "$(dirname "$0")/../mount/lib.sh"

command -v strace >/dev/null || skip "needs strace"
mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
echo warm >>"$shard"
strace -f -qq -e trace=fdatasync,fsync,sync_file_range -o "$WORK/trace" -p "$DAEMON" &
wait_for 10 grep -q TracerPid:.[1-9] "/proc/$DAEMON/status"
expect_errno 0 '
f = os.open("s/shardId-000000000000", os.O_WRONLY | os.O_APPEND)
time.sleep(1.5) # past the interval
before = len(open(os.environ["WORK"] + "/trace").readlines())
os.write(f, b"line\n")
os.fsync(f)
after = open(os.environ["WORK"] + "/trace").readlines()[before:]
assert sum("= 0" in l for l in after) >= 2, after'
