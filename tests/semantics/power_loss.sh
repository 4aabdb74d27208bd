#!/bin/bash
# What fsync returned for survives when everything written later is lost, torn or zeroed in the store.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs --sync-interval=1h
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
sizes() { find "$STORE/streams" -type f \( -name '*.data' -o -name '*.index' \) -printf '%s %p\n'; }
seq 1000 >>"$shard"
expect_errno 0 'os.fsync(os.open("s/shardId-000000000000", os.O_WRONLY))'
sizes >"$WORK/synced"
seq 1001 1500 >>"$shard"
kill9
cp -a "$STORE" "$WORK/kept"
for cut in none data index zero; do
    rm -rf "$STORE"
    cp -a "$WORK/kept" "$STORE"
    while read -r size file; do
        [ $cut = none ] && continue
        [ $cut = zero ] && truncate -s "$size" "$file" && truncate -s $((size + 5000)) "$file" && continue
        case $file in *.$cut) truncate -s "$((size + 7))" "$file" ;; esac
    done <"$WORK/synced"
    mount_fs
    n=$(wc -l <"$shard")
    [ "$n" -ge 1000 ] || fail "$n lines after $cut"
    seq "$n" | cmp - "$shard"
    echo more >>"$shard"
    kill9
done
mount_fs
