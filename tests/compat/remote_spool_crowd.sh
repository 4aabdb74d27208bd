#!/bin/bash
# Three hundred writers that wait for room in a full spool keep no lookup and no open waiting, and all they write comes.
. "$(dirname "$0")/lib_remote.sh"
endpoint own
proxy
mount_remote --pace=no --close-wait=0 --spool-max=1M --spool-wait=60s
mkdir "$MNT/clicks" "$MNT/other"
echo here >>"$MNT/other/shardId-000000000000"
wait_for 10 spool_is_empty
fault error PutRecords
python3 - "$MNT/clicks/shardId-000000000000" "$WORK/waiting" <<'END' &
import os, sys, threading, time
fds = [os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND) for _ in range(400)]
for fd in fds[300:]:
    os.write(fd, b"y" * 9999 + b"\n")
threads = [threading.Thread(target=os.write, args=(fd, b"x" * 59999 + b"\n")) for fd in fds[:300]]
for t in threads: t.start()
time.sleep(1)
open(sys.argv[2], "w").close()
for t in threads: t.join()
END
writers=$!
wait_for 20 test -e "$WORK/waiting"
if within 3000 stat "$MNT/unknown"; then fail "a stream that is not there"; fi
within 5000 cat "$MNT/other/shardId-000000000000"
equal here "$(<"$WORK/out")"
kill -0 "$writers"
fault pass
wait "$writers" && wait_for 20 spool_is_empty
equal 300 "$(grep -c x "$MNT/clicks/shardId-000000000000")" "lines of those who waited"
