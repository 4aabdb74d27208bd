#!/bin/bash
# sendfile and splice read what there is; where a file follows or has a cursor, programs that try them follow and move it
# all the same, and a mapping of it cannot be read.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s" "$MNT/t"
seq 500 >"$WORK/want"
cat "$WORK/want" >>"$MNT/s/all"
python3 -c 'import shutil, sys; shutil.copyfile(*sys.argv[1:])' "$MNT/s/all" "$WORK/copy" # by sendfile
same "$WORK/want" "$WORK/copy"
cat "$MNT/s@follow/all" >"$MNT/t/all" & # by copy_file_range, which splices
reader=$!
wait_for 20 cmp -s "$WORK/want" "$MNT/t/all"
if command -v busybox >/dev/null; then # by sendfile
    timeout 30 busybox cat "$MNT/s@follow/all" >"$WORK/follow" &
    wait_for 20 cmp -s "$WORK/want" "$WORK/follow"
    echo last | tee -a "$MNT/s/all" >>"$WORK/want"
    wait_for 20 cmp -s "$WORK/want" "$WORK/follow"
    wait_for 20 cmp -s "$WORK/want" "$MNT/t/all"
    busybox cat "$MNT/s@cursor=c/all" | cmp - "$WORK/want"
    equal "" "$(busybox cat "$MNT/s@cursor=c/all")" "what the cursor had left"
fi
kill "$reader"
for view in follow cursor=m; do
    rc=0
    (cd "$MNT" && exec python3 -c "import mmap, os; mmap.mmap(os.open('s@$view/all', 0), 9, mmap.MAP_PRIVATE, mmap.PROT_READ)[0]") || rc=$?
    equal 135 "$rc" "$view: SIGBUS"
done
