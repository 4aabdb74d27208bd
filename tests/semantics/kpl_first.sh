#!/bin/bash
# Before a shard's first aggregate its files are stored bytes, and stay: an open one keeps its offsets when that comes.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=s/shardId-000000000000
seq 10000 >>"$MNT/$shard"
files=("$shard" s/all s@nul/all)
for n in 0 1 2; do tail -c +1 -s 0.1 -f "$MNT/${files[n]}" >"$WORK/tail.$n" 2>&1 & done
python3 - "$MNT/$shard" "$MNT/s@kpl/shardId-000000000000" <<'END'
import os, sys
r = os.open(sys.argv[1], os.O_RDONLY)
had = os.fstat(r).st_size
w = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND)
text = ''.join('%d\n' % i for i in range(1, 10001))
for _ in range(3):
    more = ''.join('%d again\n' % i for i in range(2000))
    assert os.write(w, more.encode()) == len(more)
    text += more
    assert os.fstat(r).st_size == len(text) == os.stat(sys.argv[1]).st_size
    for at in 0, 5000, had - 3, had, had + 7, len(text) - 30000:
        assert os.pread(r, 20000, at) == text.encode()[at:at + 20000], at
assert os.pread(r, 10, len(text)) == b''
END
cat "$MNT/$shard" >"$WORK/want"
seen() { for n in 0 1 2; do tr '\0' '\n' <"$WORK/tail.$n" | cmp -s - "$WORK/want" || return 1; done; }
wait_for 20 seen
stop_jobs
