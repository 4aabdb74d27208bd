#!/bin/bash
# A view is the same directory under NAME@VIEW: found by lookup, never listed; a wrong one is ENOENT and in errors.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
echo line >>"$shard"
equal line "$(cat "$MNT/s@lines/all")" "the default view by its name"
jq -e '.Data == "line"' "$MNT/s@json,follow=0/all" >/dev/null 2>&1 && fail "follow takes no value"
jq -e '.Data == "line"' "$MNT/s@json/shardId-000000000000" >/dev/null
equal "s" "$(ls "$MNT")" "root"
expect_errno ENOENT 'os.stat("s@bogus")'
expect_errno ENOENT 'os.stat("s@json,lines")'
expect_errno ENOENT 'os.stat("none@json")'
expect_errno ENOENT 'os.stat("s@key=\u00e9%")'
expect_errno ENOENT 'os.stat(b"s@key=\xff%")' # no UTF-8: told as if it were Latin-1
jq -se 'map([.stream, .view] | join("@")) | contains(["s@bogus", "s@json,lines", "s@key=\u00e9%", "s@key=\u00ff%"])' \
    "$MNT/.kinesisfs/errors" >/dev/null || fail "$(<"$MNT/.kinesisfs/errors")"
expect_errno EPERM 'os.rmdir("s@json")'
