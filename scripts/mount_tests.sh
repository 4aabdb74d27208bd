#!/bin/bash
# Runs mount tests: scripts/mount_tests.sh [--remote] [CASE.sh | DIRECTORY]...
# By default those of tests/mount and tests/semantics. A directory means every
# *.sh in it except lib*.sh. Protocol and lines that a case may have at its head
# (# timeout: SECONDS, # alone:): docs/TESTING.md. With --remote what they mount
# is an endpoint; of a directory those that tests/mount/not_remote names are left out.
#
# KFS_BIN      the program to test, default build/kinesisfs
# KFS_SLOWER   a factor on every time limit, default 1
# KFS_JOBS     how many cases at a time, default one per processor
set -u
cd "$(dirname "$0")/.." || exit 2

KFS_BIN=$(realpath -- "${KFS_BIN:-build/kinesisfs}")
export KFS_BIN
slower=${KFS_SLOWER:-1}
jobs_max=${KFS_JOBS:-$(nproc)}
default_timeout=60

cases=()
unset KFS_REMOTE
if [ "${1:-}" = --remote ]; then
    export KFS_REMOTE=1
    shift
fi
[ $# -gt 0 ] || set -- tests/mount tests/semantics
left_out() { # the cases that are, as patterns
    [ -z "${KFS_REMOTE:-}" ] || sed -n 's|^\([a-z0-9_]*\) .*|/\1[.]sh$|p' tests/mount/not_remote
}

for path in "$@"; do
    if [ -d "$path" ]; then
        mapfile -t -O ${#cases[@]} cases < <(find "$path" -name '*.sh' ! -name 'lib*.sh' | grep -v -f <(left_out) | sort)
    else
        cases+=("$path")
    fi
done

top=$(mktemp -d /tmp/kinesisfs-tests.XXXXXX) || exit 2
trap 'cleanup "$top"; rm -rf --one-file-system "$top"' EXIT
trap 'exit 130' INT TERM

# Mounts under a directory, from /proc/self/mounts, where a space is \040.
mounts_under() {
    local dir
    while read -r _ dir _; do
        printf -v dir %b "$dir"
        case $dir in "$1"/*) printf '%s\n' "$dir" ;; esac
    done </proc/self/mounts
}

cleanup() {
    mounts_under "$1" | while read -r dir; do umount -l "$dir" 2>/dev/null || fusermount3 -u -z "$dir"; done
}

head_line() { # CASE WORD: what follows "# WORD:" among its first lines
    sed -n "1,20s/^# $2: *//p" "$1"
}

run_case() { # CASE
    local name=${1#tests/} work limit session status begin=$SECONDS
    name=${name%.sh}
    work=$top/${name//\//.}
    limit=$(head_line "$1" timeout)
    mkdir "$work"
    KFS_WORK=$work setsid timeout -k 20 $((${limit:-$default_timeout} * slower)) bash "$1" >"$work.out" 2>&1 </dev/null &
    session=$!
    { wait $session; } 2>/dev/null # without "Killed"
    status=$?
    pkill -KILL -s $session
    if [ -n "$(mounts_under "$work")" ]; then
        echo "left behind: $(mounts_under "$work")" >>"$work.out"
        status=1
        cleanup "$work"
    fi
    case $status in
    0) echo "ok $name ($((SECONDS - begin)) s)" ;;
    77) echo "skip $name: $(tail -n 1 "$work.out")" ;;
    *)
        [ $status -ne 124 ] || echo "timed out" >>"$work.out"
        printf 'not ok %s\n%s\n' "$name" "$(tail -n 200 "$work.out" | sed 's/^/    /')"
        ;;
    esac >"$work.result"
    cat "$work.result"
    rm -rf --one-file-system "$work"
}

alone=()
for case in "${cases[@]}"; do
    if [ -n "$(head_line "$case" alone)" ]; then
        alone+=("$case")
        continue
    fi
    while [ "$(jobs -pr | wc -l)" -ge "$jobs_max" ]; do wait -n; done
    run_case "$case" &
done
wait
for case in "${alone[@]}"; do run_case "$case"; done

results() { # PATTERN: how many
    find "$top" -name '*.result' -exec grep -lE "^$1 " {} + | wc -l
}

passed=$(results ok)
skipped=$(results skip)
failed=$((${#cases[@]} - passed - skipped))
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
