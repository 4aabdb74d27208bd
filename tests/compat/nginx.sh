#!/bin/bash
# nginx's access_log, at once and with a buffer, over reopenings (USR1): a line for each request, once and in
# order.
. "$(dirname "$0")/lib.sh"

start_nginx
jobs=()
for writer in 1 2 3 4; do
    nginx_get "/?w=$writer&n=[1-3000]" &
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
