#!/bin/bash
# nginx's access_log, at once and with a buffer, over reopenings (USR1): a line for each request, once and in
# order. Its workers are another user, so the mount is theirs: allow_other and uid.
. "$(dirname "$0")/lib.sh"

need_root
need nginx curl
chmod o+x "$WORK" "${WORK%/*}" # the workers open the log by its path
mount_fs --allow-other --uid="$(id -u nobody)"
mkdir "$MNT/plain" "$MNT/buffer" "$WORK/tmp"
port=$(free_port)
sed "s|@WORK@|$WORK|; s|@MNT@|$MNT|; s|@PORT@|$port|" "$ROOT/tests/compat/nginx.conf" >"$WORK/nginx.conf"
nginx -e "$WORK/error.log" -c "$WORK/nginx.conf" &
wait_for 20 curl -s "http://127.0.0.1:$port/ready"
jobs=()
for writer in 1 2 3 4; do
    curl -s "http://127.0.0.1:$port/?w=$writer&n=[1-3000]" &
    jobs+=($!)
done
for _ in 1 2 3; do
    kill -USR1 "$(cat "$WORK/pid")"
    sleep 0.1
done
wait "${jobs[@]}"
for stream in plain buffer; do wait_for 20 lines_are "$MNT/$stream/all" 12000; done
for stream in plain buffer; do check_writers "$MNT/$stream/all" 4 3000; done
cmp "$WORK/error.log" /dev/null || fail "$(cat "$WORK/error.log")"
