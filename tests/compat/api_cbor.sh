#!/bin/bash
# A client that speaks CBOR: byte strings, and times in milliseconds under tag 1.
. "$(dirname "$0")/lib_api.sh"

need_python
serve_api --api-status-delay=0
py cbor_client.py "$URL"
stop_api
