#!/bin/bash
# The tutorial with boto3: separate programs list, create, put, describe, get and delete.
. "$(dirname "$0")/lib_api.sh"

need_python
mount_api
equal "[]" "$(py tutorial/list.py)"
py tutorial/create.py
equal "['mystream']" "$(py tutorial/list.py)"
number=$(py tutorial/put.py)
py tutorial/describe.py
equal "$number" "$(py tutorial/get.py)" "the sequence number"
equal '{"name": "ruan"}' "$(cat "$MNT/mystream/shardId-000000000000")"
py tutorial/delete.py
equal "[]" "$(py tutorial/list.py)"
[ ! -e "$MNT/mystream" ] || fail "the directory is still there"
