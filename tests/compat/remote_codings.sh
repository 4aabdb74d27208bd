#!/bin/bash
# The views kpl, gzip and zstd of a remote endpoint: what is written through them is read through them, and
# Amazon's library takes apart what the endpoint has.
. "$(dirname "$0")/lib_remote.sh"
need_python
seq -f '%g user' 2000 >"$WORK/lines"
for kind in own kinesalite; do
    PORT=
    endpoint "$kind"
    mount_remote --pace=no --refresh=200ms
    mkdir "$MNT/s@shards=2"
    for views in kpl gzip,kpl zstd; do
        exec 3<"$MNT/s@$views,from=end/all"
        cat "$WORK/lines" >>"$MNT/s@$views/all"
        sync "$MNT/s/all"
        all_there() { [ "$(stat -Lc %s /dev/fd/3)" -ge "$(stat -c %s "$WORK/lines")" ]; }
        wait_for 20 all_there
        sort -n <&3 | cmp - "$WORK/lines"
        exec 3<&-
        [ "$views" != kpl ] || py kpl_views.py get s - | sort -n | cmp - "$WORK/lines"
    done
    unmount_fs
    endpoint_down
    rm -r "$WORK/spool"
done
