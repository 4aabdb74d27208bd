#!/bin/bash
# fcntl locks exclude processes from ranges of a file; F_GETLK tells whom; any close of the file by their process ends them.
. "$(dirname "$0")/../mount/lib.sh"
mount_fs
mkdir "$MNT/s"
expect_errno 0 '
p = "s/all"
def lock(*args):
    f = os.open(p, os.O_RDWR)
    try: fcntl.lockf(f, *args)
    except BlockingIOError: return False
    return f
def child(what):
    if (pid := os.fork()) == 0: os._exit(0 if what() else 1)
    return os.waitpid(pid, 0)[1] == 0
EX, SH, NB, me = fcntl.LOCK_EX, fcntl.LOCK_SH, fcntl.LOCK_NB, os.getpid()
a = lock(EX, 10, 100)
assert lock(EX | NB, 20, 105), "replaced by its own process"
assert child(lambda: lock(EX | NB, 5, 100) is False and lock(EX | NB, 100) and lock(SH | NB, 1, 125))
assert child(lambda: lock(SH | NB, 5, 120) is False)
ask = lambda: struct.unpack("hhqqi4x", fcntl.fcntl(a, fcntl.F_GETLK, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 0, 0, 0)))
assert ask()[0] == fcntl.F_UNLCK
assert child(lambda: ask()[0] == fcntl.F_WRLCK and ask()[2] == 100 and ask()[4] == me)
os.close(os.open(p, os.O_RDONLY))
assert child(lambda: lock(EX | NB)), "closed"
fcntl.lockf(a, EX)
if os.fork() == 0: lock(EX) and os._exit(3)
time.sleep(0.3)
fcntl.lockf(a, fcntl.LOCK_UN)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 3'
