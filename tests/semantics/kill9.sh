#!/bin/bash
# kill -9 of the daemon loses no line whose write returned; of an unfinished one, what was not yet fsynced.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
expect_errno 0 '
f = os.open("s/shardId-000000000000", os.O_WRONLY | os.O_APPEND)
for i in range(1000): os.write(f, b"%d\n" % i)
os.write(f, b"unfinished and fsynced")
os.fsync(f)
os.write(f, b"unfinished")
os.kill(int(os.readlink("/proc/self") and '"$DAEMON"'), signal.SIGKILL)
time.sleep(0.1)
try:
    os.write(f, b"x\n")
    assert False
except OSError as e:
    assert e.errno in (errno.ENOTCONN, errno.ECONNABORTED), e'
reap 137 2>/dev/null
mount_fs
{ seq 0 999; echo "unfinished and fsynced"; } >"$WORK/want"
same "$WORK/want" "$shard"
