#!/bin/bash
# boto3: paginators, waiters, subscriptions with takeover, errors with their names.
# timeout: 120
. "$(dirname "$0")/lib_api.sh"

need_python
serve_api
py client.py
stop_api
