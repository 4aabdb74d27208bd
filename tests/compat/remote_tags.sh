#!/bin/bash
# Tags of a stream: those that boto3 sets are attributes of the file, and the reverse, on every endpoint; and where our
# own API and mount have the same store.
# timeout: 300
. "$(dirname "$0")/lib_remote.sh"
need_python
tag_of() { attribute "tag.$1" "$MNT/clicks" 2>/dev/null; }
tagged() { [ "$(tag_of "$1")" = "$2" ]; }
both_ways() {
    mkdir "$MNT/clicks"
    setfattr -n user.kinesis.tag.team -v red "$MNT/clicks"
    setfattr -n user.kinesis.tag.gone -v x "$MNT/clicks"
    setfattr -x user.kinesis.tag.gone "$MNT/clicks"
    py remote_tags.py clicks cost-centre 42 >"$WORK/tags"
    equal "team=red" "$(cat "$WORK/tags")" "$kind: tags that boto3 sees"
    wait_for 10 tagged cost-centre 42
    tagged team red || fail "$kind: a tag was lost"
    equal 2 "$(getfattr --absolute-names -m 'kinesis[.]tag' "$MNT/clicks" | grep -c '^user')" "$kind: attributes"
}
on_each both_ways "$KINDS" --refresh=200ms
kind=local PORT=$(free_port)
export AWS_ENDPOINT_URL=http://127.0.0.1:$PORT
mount_fs --listen="127.0.0.1:$PORT"
both_ways
