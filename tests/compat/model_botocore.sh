#!/bin/bash
# The tables of the service model are those of botocore.
. "$(dirname "$0")/lib_api.sh"

need_model
need_tool model_dump
"$TOOL" >"$WORK/model.json"
gzip -dc "$CLIENTS"/model/botocore/data/kinesis/*/service-2.json.gz >"$WORK/service.json"
python3 "$ROOT/tests/compat/model_botocore.py" "$WORK/model.json" "$WORK/service.json"
