#!/bin/bash
# The AWS CLI: every operation that it has for kinesis, but SubscribeToShard, which it has not.
# timeout: 240
. "$(dirname "$0")/lib_api.sh"

need_python
serve_api --api-status-delay=0
bash "$HERE/lib_cli.sh" "$CLIENTS/venv/bin/aws" >"$WORK/used" || { cat "$WORK/used" && fail "an operation failed"; }
sed -n 's/^ran //p' "$WORK/used" | sort -u >"$WORK/ran"
equal 38 "$(wc -l <"$WORK/ran")" "operations that were tried"
stop_api
