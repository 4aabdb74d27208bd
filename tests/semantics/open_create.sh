#!/bin/bash
# O_CREAT opens what is there; with O_EXCL it is EEXIST; what is not there cannot be created: EPERM.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
expect_errno 0 'os.open("s/all", os.O_CREAT | os.O_WRONLY)'
expect_errno EEXIST 'os.open("s/all", os.O_CREAT | os.O_EXCL | os.O_WRONLY)'
expect_errno EPERM 'os.open("s/other", os.O_CREAT | os.O_WRONLY)'
expect_errno ENOENT 'os.open("s/other", os.O_WRONLY)'
expect_errno EISDIR 'os.open("s", os.O_WRONLY)'
