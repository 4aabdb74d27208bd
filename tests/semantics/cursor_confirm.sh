#!/bin/bash
# A read at an offset says that what is before it has been dealt with, in whole records and without a gap from where the
# cursor stood; fsync says it of all that was read; close and being killed say nothing. So a reader that stops repeats.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
printf 'one\ntwo\nthree\nfour\nfive\n' >>"$MNT/s/all"
next() { # WANT: the next record
    equal "$1" "$(python3 -c 'import os, sys; print(os.read(os.open(sys.argv[1], 0), 100).split()[0].decode())' \
        "$MNT/s@cursor=c/$name")" "next of $name"
}
do_python() { # STATEMENTS with fd
    (cd "$MNT" && python3 -c "import os; fd = os.open('s@cursor=c/$name', os.O_RDONLY); $1")
}
for name in shardId-000000000000 all; do
    do_python "os.read(fd, 100)"
    next one
    do_python "os.read(fd, 10); os.read(fd, 1)" # in the middle of three
    next three
    do_python "os.pread(fd, 5, 11); os.pread(fd, 5, 6)" # a gap before
    next three
    do_python "os.read(fd, 6); os.fsync(fd)"
    next four
    do_python "os.read(fd, 100); os.kill(os.getpid(), 9)" || true
    next four
    while read -r line; do [ "$line" = five ] && break; done <"$MNT/s@cursor=c/$name"
    next five
    rm "$MNT/.kinesisfs/cursors/c"
done
