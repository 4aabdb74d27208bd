#!/bin/bash
# Fuzz targets, tests/fuzz/fuzz_NAME.c with seeds in tests/fuzz/corpus/fuzz_NAME:
#   scripts/fuzz.sh replay [BUILD]    each seed once, by BUILD/replay_NAME (make replays)
#   scripts/fuzz.sh run [SECONDS]     libFuzzer on each target, build/fuzz/fuzz_NAME (make fuzz)
# One target per processor at a time. What makes one fail is left in build/fuzz/found.
set -u
cd "$(dirname "$0")/.." || exit 2

found=build/fuzz/found
what=${1:-run}
shift
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
export ASAN_OPTIONS="detect_stack_use_after_return=1" UBSAN_OPTIONS="print_stacktrace=1"

replay() { # NAME BUILD
    timeout -k 5 120 "$2/replay_$1" "tests/fuzz/corpus/fuzz_$1"
}

run() { # NAME SECONDS
    mkdir -p "$found" "$work/$1"
    timeout -k 5 $(($2 + 120)) "build/fuzz/fuzz_$1" -max_total_time="$2" -timeout=10 -rss_limit_mb=1024 \
        -artifact_prefix="$found/$1-" "$work/$1" "tests/fuzz/corpus/fuzz_$1"
}

case $what in
replay) argument=${1:-build} ;;
run) argument=${1:-10} ;;
*) echo "usage: $0 replay [BUILD] | run [SECONDS]" >&2 && exit 2 ;;
esac

try() { # NAME: leaves its output in $work/NAME.out, and the exit status in $work/NAME.status
    "$what" "$1" "$argument" >"$work/$1.out" 2>&1 </dev/null
    echo $? >"$work/$1.status"
}

names=(tests/fuzz/fuzz_*.c)
names=("${names[@]#tests/fuzz/fuzz_}")
names=("${names[@]%.c}")
running=0
for name in "${names[@]}"; do
    if ((++running > $(nproc))); then
        wait -n
    fi
    try "$name" &
done
wait

passed=0
failed=0
for name in "${names[@]}"; do
    if [ "$(cat "$work/$name.status")" -eq 0 ]; then
        echo "ok fuzz/$what/$name"
        passed=$((passed + 1))
    else
        echo "not ok fuzz/$what/$name"
        tail -n 60 "$work/$name.out" | sed 's/^/    /'
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
