# shellcheck shell=bash
# What the cases of tests/compat have besides the harness of tests/mount/lib.sh.
# They use nothing of the system's configuration, and no network.
# shellcheck source=tests/mount/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../mount/lib.sh"

need() { # COMMAND...
    local command
    for command in "$@"; do command -v "$command" >/dev/null || skip "needs $command"; done
}

# A line of the test's writers ends with this; what stands before it is the program's.
line() { # WRITER NUMBER
    echo "writer $1 line $2 end"
}

# Each of the writers 1 to WRITERS has its lines 1 to LINES in FILE: once, whole, in
# its order, and there is no other line.
check_writers() { # FILE WRITERS LINES
    local writer
    for writer in $(seq "$2"); do
        grep -oE "writer $writer line [0-9]+ end\$" "$1" | cmp - <(seq -f "writer $writer line %.0f end" "$3") ||
            fail "lines of writer $writer"
    done
    equal $(($2 * $3)) "$(wc -l <"$1")" "lines of $1"
}

# nginx by nginx.conf, which logs the requests /?w=WRITER&n=NUMBER. It listens on a socket
# of the case, not on a port that something else may have. Its workers are another user:
# they open the log by its path, in a mount that is theirs.
start_nginx() {
    need_root
    need nginx curl
    chmod o+x "$WORK" "${WORK%/*}"
    mount_nginx
    mkdir "$MNT/plain" "$MNT/buffer" "$WORK/tmp"
    sed "s|@WORK@|$WORK|; s|@MNT@|$MNT|" "$ROOT/tests/compat/nginx.conf" >"$WORK/nginx.conf"
    nginx -e "$WORK/error.log" -c "$WORK/nginx.conf" &
    wait_for 20 nginx_get /ready
}

nginx_get() { # PATH: fails where it is not answered
    curl -sf --unix-socket "$WORK/http" "http://localhost$1"
}

mount_nginx() {
    mount_fs --allow-other --uid="$(id -u nobody)"
}

lines_are() { # FILE NUMBER: whether it has so many
    [ "$(wc -l <"$1")" -eq "$2" ]
}
