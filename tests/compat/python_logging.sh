#!/bin/bash
# Python logging: FileHandler and WatchedFileHandler of several processes lose and mix nothing.
. "$(dirname "$0")/lib.sh"

need python3
mount_fs
for kind in file file_w watched rotating_never; do
    mkdir "$MNT/$kind"
    jobs=()
    for writer in 1 2 3 4; do
        python3 "$ROOT/tests/compat/python_writer.py" $kind "$MNT/$kind/all" $writer 2000 2>"$WORK/said.$writer" &
        jobs+=($!)
    done
    wait "${jobs[@]}"
    check_writers "$MNT/$kind/all" 4 2000
    cat "$WORK"/said.* | cmp - /dev/null || fail "$kind has said something"
done
