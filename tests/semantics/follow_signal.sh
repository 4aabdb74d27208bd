#!/bin/bash
# A waiting read ends at once with EINTR when a signal is caught.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
expect_errno EINTR '
class Got(Exception): pass
def on(*_): raise InterruptedError(errno.EINTR, "caught")
signal.signal(signal.SIGALRM, on)
signal.setitimer(signal.ITIMER_REAL, 0.2)
start = time.monotonic()
try: os.read(os.open("s@follow/all", 0), 1)
finally: assert time.monotonic() - start < 5'
timeout -s INT 0.3 cat "$MNT/s@follow/all" || equal 124 $? "cat under SIGINT"
