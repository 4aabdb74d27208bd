#!/bin/bash
# When the daemon was killed and mounted again, nginx logs on after USR1; requests are answered all the time.
. "$(dirname "$0")/lib.sh"

start_nginx
request() { nginx_get "/?w=$1&n=[1-100]" || fail "nginx does not answer"; }
request 1
wait_for 20 lines_are "$MNT/plain/all" 100
wait_for 20 lines_are "$MNT/buffer/all" 100
kill9
request 2
mount_nginx
kill -USR1 "$(cat "$WORK/pid")"
logs() { request 3 && grep -q 'writer 3' "$MNT/plain/all"; }
wait_for 20 logs
equal 0 "$(grep -c 'writer 2' "$MNT/plain/all" || true)" "requests logged while there was no mount"
grep -q 'Transport endpoint is not connected' "$WORK/error.log"
wait_for 20 grep -q 'writer 3' "$MNT/buffer/all"
