#!/bin/bash
# 1,000 streams, 1,000 shards in one, 10,000 open files, records and lines over every limit: it works in 256 MB.
# timeout: 300
# alone:
. "$(dirname "$0")/../mount/lib.sh"

small() { # WHEN
    local rss
    rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$DAEMON/status")
    echo "$1: $((rss / 1024)) MB"
    [ "$rss" -lt 262144 ] || [ -n "${ASAN_RUN:-}" ] || fail "$1: $rss KB resident"
}

ulimit -n 20000 || skip "needs 20,000 open files"
mount_fs
(cd "$MNT" && seq -f stream%.0f 1000 | xargs mkdir)
for i in $(seq 1000); do echo "line of $i" >>"$MNT/stream$i/all"; done
equal 1000 "$(cat "$MNT"/stream*/all | wc -l)" "lines of 1,000 streams"
small "1,000 streams"

mkdir "$MNT/wide@shards=1000"
equal 1001 "$(find "$MNT/wide" -type f | wc -l)" "files of 1,000 shards"
seq 20000 >>"$MNT/wide/all"
equal "$(seq 20000 | md5sum)" "$(sort -n "$MNT/wide/all" | md5sum)" "what 1,000 shards hold"
equal 20000 "$(cat "$MNT"/wide/shard* | wc -l)" "lines of 1,000 shards"
small "1,000 shards"

expect_errno 0 '
files = []
for i in range(10000):
    name = f"stream{i % 1000 + 1}/" + ("all" if i % 3 == 0 else "shardId-000000000000")
    files.append(os.open(name, os.O_RDWR | os.O_APPEND))
for i, f in enumerate(files):
    os.write(f, b"unfinished %d" % i)
    assert os.pread(f, 8, 0) == b"line of "
for f in files: os.write(f, b"\n")
with open(".kinesisfs/metrics") as m: assert "kinesisfs_open_files 1000" in m.read()
os.system("awk \"/VmRSS/ { print \\$2 }\" /proc/'"$DAEMON"'/status >" + os.environ["WORK"] + "/rss")'
[ "$(<"$WORK/rss")" -lt 262144 ] || fail "10,000 open files: $(<"$WORK/rss") KB resident"
equal 11000 "$(cat "$MNT"/stream*/all | wc -l)" "lines after 10,000 writers"
small "10,000 open files"

setfattr -n user.kinesis.max_record_kib -v 10240 "$MNT/stream1"
head -c 10485760 /dev/zero | tr '\0' x >>"$MNT/stream1/all"
equal 10485761 "$(tail -n 1 "$MNT/stream1/all" | wc -c)" "a record of 10 MiB"
{ head -c 10485761 /dev/zero | tr '\0' x && echo; } 2>"$WORK/said" >>"$MNT/stream1/all" && fail "10 MiB + 1 was taken"
grep -q 'Message too long' "$WORK/said" || fail "10 MiB + 1: $(<"$WORK/said")"
head -c 104857600 /dev/zero 2>/dev/null | tr '\0' x 2>"$WORK/said" >>"$MNT/stream2/all" && fail "a line of 100 MiB was taken"
grep -q 'Message too long' "$WORK/said" || fail "100 MiB: $(<"$WORK/said")"
equal 10485761 "$(tail -n 1 "$MNT/stream1/all" | wc -c)" "after a record that was refused"
echo next >>"$MNT/stream2/all"
equal next "$(tail -n 1 "$MNT/stream2/all")"
equal 2 "$(grep -c EMSGSIZE "$MNT/.kinesisfs/errors")" "lines of errors"
small "large records"
remount
equal "$(seq 20000 | md5sum)" "$(sort -n "$MNT/wide/all" | md5sum)" "after a remount"
small "a remount"
