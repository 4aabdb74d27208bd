#!/bin/bash
# A write of no bytes returns 0 and adds nothing; an empty line is an empty record.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
expect_errno 0 '
f = os.open("s/all", os.O_WRONLY | os.O_APPEND)
assert os.write(f, b"") == 0
assert os.stat("s/all").st_size == 0
os.write(f, b"\n")'
equal 1 "$(jq -s 'map(select(.Data == "")) | length' "$MNT/s@json/all")" "empty records"
