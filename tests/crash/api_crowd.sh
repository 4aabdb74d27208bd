#!/bin/bash
# The API with 10,000 connections that are idle, slow or hostile: who behaves is served, and memory is bounded.
# timeout: 300
# alone:
. "$(dirname "$0")/../compat/lib_api.sh"

serve_api --api-status-delay=0
python3 "$(dirname "$0")/crowd.py" "${URL##*:}" "$DAEMON" | tee "$WORK/said"
equal 12 "$(wc -l <"$WORK/said")" "lines said"
limit() { # MB WHAT
    mb=$(awk -v what="$2" 'index($0, what) && $1 > most { most = $1 } END { print most }' "$WORK/said")
    [ "$mb" -lt "$1" ] || [ -n "${ASAN_RUN:-}" ] || fail "$2: $mb MB resident"
}
limit 64 idle
limit 64 "sending slowly"
limit 64 announced
limit 400 heads
limit 768 "nobody takes"
stop_api
