"""Runs Python statements and checks which errno they end with.

usage: try.py ERRNO STATEMENTS    ERRNO is a name as in errno.h, or 0

The statements run in the mount ($MNT) and have the modules below and append().
"""
import ctypes
import errno
import fcntl
import mmap
import os
import select
import signal
import socket
import stat
import struct
import sys
import threading
import time


def append(path, data):
    """Opens for append, writes once, closes. Text is written as UTF-8."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        return os.write(fd, data.encode() if isinstance(data, str) else data)
    finally:
        os.close(fd)


def main():
    wanted, statements = sys.argv[1:]
    got = "0"
    try:
        os.chdir(os.environ["MNT"])
        exec(compile(statements, "statements", "exec"), globals())
    except OSError as error:
        got = errno.errorcode.get(error.errno, str(error.errno))
    if got != wanted:
        sys.exit(f"wanted {wanted}, got {got}")


main()
