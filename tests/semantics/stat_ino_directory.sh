#!/bin/bash
# A stream's directory has the same st_ino in a listing of the root as by stat.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
equal "$(stat -c %i "$MNT/s")" "$(python3 -c 'import os, sys
print([e.inode() for e in os.scandir(sys.argv[1]) if e.name == "s"][0])' "$MNT")"
