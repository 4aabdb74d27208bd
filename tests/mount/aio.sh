#!/bin/bash
# An asynchronous write of many parts (io_submit, O_DIRECT) is stored in its order.
. "$(dirname "$0")/lib.sh"
[ "$(uname -m)" = x86_64 ] || skip "numbers of system calls"

mount_fs
mkdir "$MNT/s"
expect_errno 0 '
libc = ctypes.CDLL(None, use_errno=True)
setup, submit, getevents = 206, 209, 208
lines = mmap.mmap(-1, 4 << 20)
size = 4000000
lines[:size] = b"".join(b"%099d\n" % i for i in range(size // 100))
f = os.open("s/all", os.O_WRONLY | os.O_APPEND | os.O_DIRECT)
context = ctypes.c_ulong(0)
if libc.syscall(setup, 1, ctypes.byref(context)) < 0:
    raise OSError(ctypes.get_errno(), "io_setup")
address = ctypes.addressof(ctypes.c_char.from_buffer(lines))
block = ctypes.create_string_buffer(struct.pack("<QIiHhIQQqQII", 0, 0, 0, 1, 0, f, address, size, 0, 0, 0, 0))
blocks = (ctypes.c_void_p * 1)(ctypes.addressof(block))
event = ctypes.create_string_buffer(32)
assert libc.syscall(submit, context, 1, blocks) == 1
assert libc.syscall(getevents, context, 1, 1, event, None) == 1
assert struct.unpack("<QQqq", event.raw)[2] == size
assert open("s/all", "rb").read() == lines[:size]'
