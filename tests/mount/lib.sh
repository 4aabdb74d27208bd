# shellcheck shell=bash
# The harness of mount tests, sourced by each case (docs/TESTING.md):
#
#     #!/bin/bash
#     # What is shown. # timeout: and # alone: lines, where needed, among these.
#     . "$(dirname "$0")/lib.sh"
#     mount_fs
#     mkdir "$MNT/clicks"
#     ...
#
# A case passes by exit status 0, is skipped by 77, and has failed otherwise; it
# runs under `set -eu`. At its end what it started is stopped, the mount must go
# away, the daemon must have exited with 0, and no sanitizer may have reported.
# $WORK is a directory of its own; mnt, store, home, kinesisfs.log, report.* and
# unmount in it are the harness's.
set -eu

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
KFS_BIN=${KFS_BIN:-$ROOT/build/kinesisfs}
KFS_SLOWER=${KFS_SLOWER:-1} # a factor on every time limit
WORK=${KFS_WORK:-$(mktemp -d /tmp/kinesisfs-test.XXXXXX)}
MNT=$WORK/mnt
STORE=$WORK/store
LOG=$WORK/kinesisfs.log # of the daemon
DAEMON= # its pid, empty when there is none
SOURCE=$STORE # what is mounted

# Nothing of the caller's configuration; reports of sanitizers in files of their own.
unset "${!KINESISFS_@}" XDG_DATA_HOME XDG_CONFIG_HOME
export HOME=$WORK/home LC_ALL=C.UTF-8 KFS_BIN WORK MNT STORE LOG
export ASAN_OPTIONS="log_path=$WORK/report:detect_stack_use_after_return=1"
export LSAN_OPTIONS="suppressions=$ROOT/tests/mount/lsan_suppressions:print_suppressions=0"
export UBSAN_OPTIONS="log_path=$WORK/report:print_stacktrace=1"
export TSAN_OPTIONS="log_path=$WORK/report:second_deadlock_stack=1"
mkdir -p "$MNT" "$HOME"

fail() { # TEXT...
    echo "FAIL: $*"
    exit 1
}

skip() { # WHY...
    echo "$*"
    exit 77
}

need_root() {
    [ "$(id -u)" -eq 0 ] || skip "needs root"
}

need_tool() { # NAME: a program of the tests, from now on $TOOL. Cases run side by side: none of them builds it
    TOOL=$ROOT/build/$1
    [ -x "$TOOL" ] || fail "no build/$1: make tools builds it"
}

# Waits until a command succeeds. It is tried ten times a second.
wait_for() { # SECONDS COMMAND...
    local left=$(($1 * KFS_SLOWER * 10))
    shift
    until "$@"; do
        [ $((left -= 1)) -gt 0 ] || fail "waited in vain for: $*"
        sleep 0.1
    done
}

same() { # FILE FILE
    cmp "$1" "$2" || fail "$1 and $2 differ"
}

equal() { # WANT GOT [WHAT]
    [ "$1" = "$2" ] || fail "${3:-value}: wanted '$1', got '$2'"
}

stored() { # STREAM-DIRECTORY: how many records are stored, an aggregate is one
    python3 - "$1@len/all" <<'END'
import sys
data, at, n = open(sys.argv[1], 'rb').read(), 0, 0
while at < len(data):
    at, n = at + 4 + int.from_bytes(data[at:at + 4], 'big'), n + 1
print(n)
END
}

# Starts a command in a terminal of 80 by 24; `screen` is tmux for it, which ends
# with the case. Only -D starts the server: one that a client starts goes by itself.
terminal() { # COMMAND
    tmux -S "$WORK/tmux" -f /dev/null -D &
    wait_for 20 screen show-options -s >/dev/null 2>&1
    screen new-session -d -x 80 -y 24 "$1"
}

screen() { # TMUX-COMMAND...
    tmux -N -S "$WORK/tmux" "$@"
}

shows() { # PATTERN: whether the terminal does
    screen capture-pane -p | grep -q "$1"
}

# Python statements that must end with an errno (a name, or 0 for success). Paths
# are relative to $MNT; see try.py for what they can use.
expect_errno() { # ERRNO STATEMENTS
    python3 "$ROOT/tests/mount/try.py" "$1" "$2" || fail "expect_errno $1 '$2'"
}

daemon_gone() {
    ! kill -0 "$DAEMON" 2>/dev/null
}

mounted_or_gone() {
    mountpoint -q "$MNT" || daemon_gone
}

# With KFS_REMOTE=1 what is mounted is a Kinesis endpoint: another kinesisfs, which has the store.
remote_source() {
    [ "$SOURCE" = "$STORE" ] || return 0
    local port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    SOURCE=http://127.0.0.1:$port
    "$KFS_BIN" "local:$STORE" -f --no-mount --listen="127.0.0.1:$port" --api-status-delay=0 >"$WORK/endpoint.log" 2>&1 &
    wait_for 30 curl -s -o "$WORK/answer" "$SOURCE"
    export KINESISFS_SPOOL=$WORK/spool KINESISFS_ALLOW_DELETE=yes KINESISFS_DRAIN=1s KINESISFS_CLOSE_WAIT=20s
    export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any AWS_DEFAULT_REGION=us-east-1
}

# Starts the daemon in the foreground, and returns when the mount answers. A
# shell ignores SIGINT for what it starts with &, a person's shell does not.
mount_fs() { # [OPTION...]
    [ -z "${KFS_REMOTE:-}" ] || remote_source
    env --default-signal=INT,QUIT "$KFS_BIN" "$SOURCE" "$MNT" -f "$@" >>"$LOG" 2>&1 </dev/null &
    DAEMON=$!
    wait_for 30 mounted_or_gone
    mountpoint -q "$MNT" || fail "kinesisfs did not mount"
}

# Waits for the daemon, whose mount is going away, and checks how it ended.
reap() { # [WANTED-STATUS]
    local status=0 left=$((300 * KFS_SLOWER))
    until daemon_gone; do
        [ $((left -= 1)) -gt 0 ] || { echo "kinesisfs does not end" && return 1; }
        sleep 0.1
    done
    wait "$DAEMON" 2>/dev/null || status=$? # without the shell's "Killed"
    DAEMON=
    [ "$status" -eq "${1:-0}" ] || { echo "kinesisfs ended with status $status" && return 1; }
}

# Tries for a while: the last close of a killed reader may still be on its way.
unmount() {
    local left=$((50 * KFS_SLOWER))
    until fusermount3 -u "$MNT" 2>"$WORK/unmount"; do
        ! daemon_gone || return 0
        [ $((left -= 1)) -gt 0 ] || { cat "$WORK/unmount" && return 1; }
        sleep 0.1
    done
}

unmount_fs() {
    unmount || fail "cannot unmount"
    reap || fail "after unmount"
}

remount() { # [OPTION...]
    unmount_fs
    mount_fs "$@"
}

# What a crash leaves, cleared away: the mount can be made again.
kill9() {
    kill -KILL "$DAEMON"
    reap 137 || fail "after kill -9"
    fusermount3 -u -z "$MNT"
}

descendants() { # PID: its children and theirs, but not the daemon and the asking subshell
    local pid
    for pid in $(pgrep -P "$1"); do
        if [ "$pid" != "$DAEMON" ] && [ "$pid" != "$BASHPID" ]; then
            descendants "$pid"
            echo "$pid"
        fi
    done
}

# Ends everything that the case has started, but not the daemon. All is stopped
# first: what a loop starts after its shell was listed would be no descendant any more.
# shellcheck disable=SC2086 # pids
stop_jobs() {
    local job pids stopped=
    while pids=$(descendants $$) && [ "$pids" != "$stopped" ]; do
        kill -STOP $pids || true
        stopped=$pids
    done
    kill -KILL $pids || true
    for job in $(jobs -p); do
        [ "$job" = "$DAEMON" ] || wait "$job" || true
    done
} 2>/dev/null

finish() {
    local status=$?
    trap - EXIT ERR
    set +e
    stop_jobs
    if [ -n "$DAEMON" ]; then
        { unmount && reap; } || status=1
    fi
    if [ -n "$DAEMON" ]; then
        kill -KILL "$DAEMON"
        fusermount3 -u -z "$MNT"
    fi
    if compgen -G "$WORK/report.*" >/dev/null; then
        cat "$WORK"/report.*
        status=1
    fi
    if [ "$status" -ne 0 ] && [ "$status" -ne 77 ] && [ -s "$LOG" ]; then
        echo "--- last lines of the daemon's log"
        tail -n 40 "$LOG"
    fi
    [ -n "${KFS_WORK:-}" ] || rm -rf --one-file-system "$WORK"
    exit "$status"
}

trap finish EXIT
trap 'echo "$0:$LINENO: failed: $BASH_COMMAND"' ERR
trap 'exit 143' TERM
trap 'exit 130' INT
