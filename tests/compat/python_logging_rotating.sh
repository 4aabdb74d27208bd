#!/bin/bash
# Python's handlers that rotate by themselves cannot: they print a traceback for each record that they lose,
# and the stream is unharmed; so they must be told not to rotate.
. "$(dirname "$0")/lib.sh"

need python3
mount_fs
for kind in rotating timed; do
    mkdir "$MNT/$kind"
    python3 "$ROOT/tests/compat/python_writer.py" $kind "$MNT/$kind/all" 1 100 0.02 2>"$WORK/said" || fail "status of $kind"
    lost=$(grep -c '^--- Logging error ---' "$WORK/said")
    equal "$lost" "$(grep -c '^PermissionError: .*Operation not permitted.* -> ' "$WORK/said")" "rotations refused"
    [ "$lost" -gt 0 ] || fail "$kind has not tried to rotate"
    check_writers "$MNT/$kind/all" 1 $((100 - lost))
    equal "$lost" "$(grep -c '"operation":"rename","stream":"'$kind'".*EPERM' "$MNT/.kinesisfs/errors")" "errors"
done
