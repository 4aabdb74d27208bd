#!/bin/bash
# What is asked first of a mount that knows no stream yet: what is in .kinesisfs is there at once, with and without the
# endpoint; streams are not, and not said to be none. `kinesis:` alone is the environment's endpoint and region.
. "$(dirname "$0")/lib_remote.sh"
all_of_it() {
    within 1000 cat "$MNT"/.kinesisfs/{status.json,metrics,dead_letters,errors} || fail "$(tail -n 1 "$WORK/out")"
    within 1000 ls "$MNT/.kinesisfs/cursors" || fail "$(cat "$WORK/out")"
    within 1000 stat "$MNT/.kinesisfs/cursors/none" && fail "a cursor that is not there"
    equal "$1" "$(status reachable)" "reachable"
}
endpoint own
mount_remote
all_of_it True
unmount_fs
endpoint_down
rm -r "$WORK/spool"
mount_remote
all_of_it True # no one has asked yet
for _ in 1 2; do expect_errno EHOSTUNREACH 'os.listdir(".")'; done
expect_errno EHOSTUNREACH 'os.stat("clicks@json")'
equal '"lookup","clicks","EHOSTUNREACH"' "$(tail -n 1 "$MNT/.kinesisfs/errors" | jq -r '[.operation, .stream, .errno] | @csv')"
all_of_it False
unmount_fs
export AWS_ENDPOINT_URL_KINESIS=$URL
URL=kinesis: mount_remote --spool="$WORK/other"
equal "$AWS_ENDPOINT_URL_KINESIS" "$(status endpoint)" "the endpoint"
equal kinesis: "$(findmnt -n -o SOURCE "$MNT")" "the source that is shown"
