#!/bin/bash
# A write to raw of over 1,044,480 bytes, which the kernel may cut, is EMSGSIZE and makes no record: none is cut silently.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
try() { # ERRNO BYTES-OVER-THE-LIMIT
    expect_errno "$1" "f = os.open('s@raw/all', os.O_WRONLY | os.O_APPEND); os.write(f, bytes(1044480 + $2))"
}
for more in 1 4096 4097 3000000; do
    try EMSGSIZE "$more"
done
equal 0 "$(stat -c %s "$MNT/s/all")" size
try 0 0
# A buffer that begins inside a page is what the kernel cuts first.
expect_errno EMSGSIZE 'm = memoryview(mmap.mmap(-1, 1 << 21))
f = os.open("s@raw/all", os.O_WRONLY | os.O_APPEND); os.write(f, m[4095:4095 + (1 << 20)])'
expect_errno 0 'm = memoryview(mmap.mmap(-1, 1 << 21))
f = os.open("s@raw/all", os.O_WRONLY | os.O_APPEND); os.write(f, m[4095:4095 + 1044480])'
equal 2 "$(jq -s length "$MNT/s@json/all")" records
grep -q 'view raw can take in one write' "$MNT/.kinesisfs/errors"
