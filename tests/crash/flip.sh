#!/bin/bash
# A flipped byte in data or index, of a store that is unmounted or mounted: a read gives the right bytes, or EIO and a line in errors.
# timeout: 300
. "$(dirname "$0")/../mount/lib.sh"

mount_fs --segment-size=64K
mkdir "$MNT/s"
python3 -c '
import random
for i in range(3000): print(i, "x" * random.Random(i).randrange(120))' >"$WORK/want"
split -n r/20 --filter='cat >>"$MNT/s/all"' "$WORK/want"
cat "$MNT/s/all" >"$WORK/want"
cat "$MNT/s@json/all" >"$WORK/want.json"
unmount_fs
cp -a "$STORE" "$WORK/kept"

flip() { # FILE OFFSET
    python3 - "$1" "$2" <<<'
import os, sys
f = os.open(sys.argv[1], os.O_RDWR)
at = int(sys.argv[2])
os.pwrite(f, bytes([os.pread(f, 1, at)[0] ^ 0x11]), at)'
}

looks_right() { # WHAT
    local failed=0 name
    for name in s s@json; do
        local want=$WORK/want
        [ $name = s ] || want=$WORK/want.json
        cat "$MNT/$name/all" >"$WORK/got" 2>"$WORK/said" || failed=1
        if [ -s "$WORK/said" ]; then
            grep -q 'Input/output error' "$WORK/said" || fail "$1: $(<"$WORK/said")"
            grep -q '"errno":"EIO"' "$MNT/.kinesisfs/errors" || fail "$1: nothing in errors"
            cmp "$WORK/got" "$want" 2>&1 | grep -q 'EOF on .*got' || [ ! -s "$WORK/got" ] || fail "$1: wrong bytes before EIO"
        else
            cmp "$WORK/got" "$want" || fail "$1: wrong bytes in $name, and no error"
        fi
    done
    found=$((found + failed))
}

found=0
RANDOM=${1:-1}
for round in $(seq 40); do
    rm -rf "$STORE"
    cp -a "$WORK/kept" "$STORE"
    mapfile -t files < <(find "$STORE/streams" -name '*.data' -o -name '*.index' | sort)
    file=${files[RANDOM % ${#files[@]}]}
    offset=$(((RANDOM * 32768 + RANDOM) % $(stat -c %s "$file")))
    [ $((round % 2)) -eq 0 ] || flip "$file" $offset
    mount_fs --segment-size=64K
    [ $((round % 2)) -eq 1 ] || flip "$file" $offset
    looks_right "round $round: byte $offset of ${file##*/}"
    kill9
done
[ "$found" -gt 5 ] || fail "only $found of 40 flips were found"
mount_fs
