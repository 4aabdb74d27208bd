#!/bin/bash
# Installs what is missing, builds, and runs every test:
#   scripts/test.sh [--no-setup] [SUITE...]
# Each suite is a function suite_NAME below; by default all run, in that order.
# The last line sums them up: "N passed, N failed, N skipped". Exit status 0 only
# where nothing failed. Protocol: docs/TESTING.md. Logs: build/test/SUITE.log.
set -u
cd "$(dirname "$0")/.." || exit 2

suites=(unit gates mount remote compat crash asan tsan fuzz)
logs=build/test
make=(make -s -j "$(nproc)")

suite_unit() { # unit and contract tests, and the seeds of the fuzz targets
    "${make[@]}" test
}

suite_gates() { # style, layers, documents, static analysis
    scripts/gates.sh
}

suite_mount() { # the file system as programs see it
    "${make[@]}" && scripts/mount_tests.sh tests/mount tests/semantics
}

suite_remote() { # the semantics with an endpoint behind the files: cases that wait more than they work
    "${make[@]}" && KFS_JOBS=$(($(nproc) * 2)) scripts/mount_tests.sh --remote tests/semantics
}

suite_compat() { # real programs against a real mount, and clients against the API
    scripts/clients.sh || echo "some clients are missing: their tests are skipped"
    "${make[@]}" all tools && scripts/mount_tests.sh tests/compat
}

suite_crash() { # kill -9, power loss, full disk, damage
    "${make[@]}" && scripts/mount_tests.sh tests/crash
}

# Sanitizers of older compilers do not bear much address space randomisation.
plain_addresses=(setarch "$(uname -m)" -R)
"${plain_addresses[@]}" true 2>/dev/null || plain_addresses=()

sanitized() { # BUILD SANITIZERS: unit and mount tests
    "${make[@]}" "$1" || return
    UNIT_TIMEOUT=600 "${plain_addresses[@]}" "${make[@]}" B="build/$1" CC=clang SAN="$2" test
    local status=$?
    KFS_SLOWER=4 KFS_BIN=build/$1/kinesisfs "${plain_addresses[@]}" scripts/mount_tests.sh tests/mount tests/semantics &&
        return "$status"
}

suite_asan() { # clang: its warnings, AddressSanitizer and UndefinedBehaviorSanitizer
    sanitized asan address,undefined
}

suite_tsan() { # ThreadSanitizer
    sanitized tsan thread
}

suite_fuzz() { # five seconds for each target
    "${make[@]}" fuzz && scripts/fuzz.sh run 5
}

total_passed=0
total_failed=0
total_skipped=0
count='^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$'

# A suite's result is the sum of its count lines; without one, or with a bad exit
# status that they do not explain, it has one failure more.
run_suite() { # NAME
    local begin=$SECONDS log=$logs/$1.log status passed failed skipped
    "suite_$1" 2>&1 </dev/null | tee "$log" | grep --line-buffered -vE "$count"
    status=${PIPESTATUS[0]}
    read -r passed failed skipped < <(awk -v status="$status" -v count="$count" '
        $0 ~ count { n++; passed += $1; failed += $3; skipped += $5 }
        END { print passed + 0, failed + (failed == 0 && (n == 0 || status != 0)), skipped + 0 }' "$log")
    grep '^not ok ' "$log" | sed "s/^not ok/== failed in $1:/" >>"$logs/failures"
    echo "== suite $1: $passed passed, $failed failed, $skipped skipped, in $((SECONDS - begin)) s"
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
    total_skipped=$((total_skipped + skipped))
}

finish() {
    cat "$logs/failures"
    echo "$total_passed passed, $total_failed failed, $total_skipped skipped"
    exit $((total_failed > 0))
}

setup=yes
if [ "${1:-}" = --no-setup ]; then
    setup=no
    shift
fi
[ $# -gt 0 ] || set -- "${suites[@]}"
for suite in "$@"; do
    if ! declare -F "suite_$suite" >/dev/null; then
        echo "$0: no suite '$suite'; there are: ${suites[*]}" >&2
        exit 2
    fi
done

if [ $setup = yes ] && ! scripts/setup.sh run test; then
    echo '0 passed, 1 failed, 0 skipped'
    exit 1
fi
mkdir -p "$logs"
: >"$logs/failures"
for suite in "$@"; do run_suite "$suite"; done
finish
