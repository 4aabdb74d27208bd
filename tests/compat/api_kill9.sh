#!/bin/bash
# kill -9 under load: no acknowledged put is lost, none is there twice, settings are kept, and
# iterators from before are good after.
# timeout: 120
. "$(dirname "$0")/lib_api.sh"

need_python
serve_api --api-status-delay=0
py killed.py before
for writer in 1 2 3 4; do
    py killed.py write "$writer" >"$WORK/acknowledged.$writer" 2>/dev/null &
done
busy() { [ "$(cat "$WORK"/acknowledged.* | wc -l)" -gt 400 ]; }
wait_for 30 busy
kill -KILL "$DAEMON"
reap 137
wait
cat "$WORK"/acknowledged.* | sort >"$WORK/acknowledged"
serve_api
py killed.py after | sort >"$WORK/stored"
equal "" "$(uniq -d "$WORK/stored")" "records that are there twice"
equal "" "$(comm -23 "$WORK/acknowledged" "$WORK/stored")" "acknowledged, but lost"
stop_api
