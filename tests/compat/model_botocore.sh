#!/bin/bash
# The tables of the service model are those of botocore.
. "$(dirname "$0")/../mount/lib.sh"

command -v python3 >/dev/null || skip "needs python3"
make -s -C "$ROOT" build/model_dump
"$ROOT/build/model_dump" >"$WORK/model.json"
python3 "$ROOT/tests/compat/model_botocore.py" <"$WORK/model.json"
