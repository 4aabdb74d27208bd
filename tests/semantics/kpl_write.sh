#!/bin/bash
# kpl: the records that one write(2) completes are stored as one aggregate, seen when write returns; one alone as it is.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
seq 500 >"$WORK/lines"
python3 - "$WORK/lines" "$MNT/s@kpl/shardId-000000000000" "$MNT/s" <<'END'
import os, sys
data = open(sys.argv[1], 'rb').read()
to = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND)
assert os.write(to, data + b'unfinished') == len(data) + 10
assert open(sys.argv[2], 'rb').read() == data
stored = open(sys.argv[3] + '@len/all', 'rb').read()
assert stored[4:8] == b'\xf3\x89\x9a\xc2' and len(stored) == 4 + int.from_bytes(stored[:4], 'big')
os.fsync(to)
assert open(sys.argv[2], 'rb').read() == data + b'unfinished\n'
END
equal 2 "$(stored "$MNT/s")" "stored records"
equal 'unfinished' "$(tail -c 10 "$MNT/s@raw/all")"
equal 501 "$(jq -s length "$MNT/s@json/all")" "user records"
