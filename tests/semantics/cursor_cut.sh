#!/bin/bash
# The kernel cuts a read(2) of over 1,044,480 bytes, and asks for the next piece before the program has any: the pieces
# are one read, which says nothing of its own bytes.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs --pace=no
mkdir "$MNT/s"
seq -f "%.0f $(printf %0100d 0)" 40000 >>"$MNT/s/all"
first() { head -n 1 "$MNT/s@cursor=c/$name" | cut -d " " -f 1; }
do_python() { # STATEMENTS with fd
    (cd "$MNT" && python3 -c "import os; fd = os.open('s@cursor=c/$name', os.O_RDONLY); $1")
}
for name in shardId-000000000000 all; do
    do_python "os.read(fd, 3 << 20)"
    equal 1 "$(first)" "the first record, $name"
    do_python "n = len(os.read(fd, 3 << 20)); os.read(fd, 1); assert n == 3 << 20"
    equal "$(head -c 3145728 "$MNT/s/all" | wc -l)" "$(($(first) - 1))" "records of the read, $name"
    rm "$MNT/.kinesisfs/cursors/c"
done
