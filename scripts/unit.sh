#!/bin/sh
# Runs cmocka test programs. Prints the whole output of each that failed, and at
# the end how many tests there were. Usage: scripts/unit.sh PROGRAM...
set -u

limit_s=${UNIT_TIMEOUT:-120} # for each program; a test that hangs has failed

# One format, whatever the caller's environment says; and undefined behaviour fails.
export CMOCKA_MESSAGE_OUTPUT=STDOUT
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}"

if [ $# -eq 0 ]; then
    echo "usage: $0 PROGRAM..." >&2
    exit 2
fi

out=$(mktemp) || exit 2
trap 'rm -f "$out"' EXIT
trap 'exit 130' INT TERM

# Prints "passed failed skipped" of one program's output; its exit status is $1.
# What was announced and did not pass has failed: after a crash the rest is
# missing. Results may follow text that a test printed without a newline. cmocka
# exits with 0 when the teardown of a group fails.
count() {
    LC_ALL=C awk -v status="$1" '
        /^\[==========\].*Running [0-9]+ test/ {
            sub(/.*Running /, "")
            planned += $1
        }
        /\[       OK \] / { passed++ }
        /^\[  SKIPPED \] .*[0-9]+ test\(s\), listed below/ {
            sub(/ test\(s\).*/, "")
            skipped += $NF
        }
        /\[  FAILED  \] GROUP / { broken = 1 }
        END {
            failed = planned - passed - skipped
            if (failed < 0 || (failed == 0 && (status != 0 || broken || planned == 0)))
                failed = 1
            print passed + 0, failed, skipped + 0
        }' "$out"
}

passed=0
failed=0
skipped=0
for program in "$@"; do
    timeout -k 5 "$limit_s" "$program" >"$out" 2>&1 </dev/null
    status=$?
    # shellcheck disable=SC2046 # three numbers, to be split
    set -- $(count "$status")
    passed=$((passed + $1))
    failed=$((failed + $2))
    skipped=$((skipped + $3))
    if [ "$2" -ne 0 ]; then
        echo "--- $program: exit status $status"
        cat "$out"
        echo "--- end of $program"
    fi
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
