#!/bin/bash
# Runs cmocka test programs, one per processor at a time. Prints the whole output of each that failed, and at
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

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# Leaves the output in $work/NUMBER, and the exit status in $work/NUMBER.status.
run_program() { # NUMBER PROGRAM
    timeout -k 5 "$limit_s" "$2" >"$work/$1" 2>&1 </dev/null
    echo $? >"$work/$1.status"
}

# Prints "passed failed skipped" of one program.
# What was announced and did not pass has failed: after a crash the rest is
# missing. Results may follow text that a test printed without a newline. cmocka
# exits with 0 when the teardown of a group fails.
count() { # OUTPUT STATUS
    LC_ALL=C awk -v status="$2" '
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
        }' "$1"
}

running=0
for ((i = 1; i <= $#; i++)); do
    if ((++running > $(nproc))); then
        wait -n
    fi
    run_program "$i" "${!i}" &
done
wait

passed=0
failed=0
skipped=0
for ((i = 1; i <= $#; i++)); do
    status=$(cat "$work/$i.status")
    read -r ok bad left < <(count "$work/$i" "$status")
    passed=$((passed + ok))
    failed=$((failed + bad))
    skipped=$((skipped + left))
    if [ "$bad" -ne 0 ]; then
        echo "--- ${!i}: exit status $status"
        cat "$work/$i"
        echo "--- end of ${!i}"
    fi
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
