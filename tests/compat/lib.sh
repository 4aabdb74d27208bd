# shellcheck shell=bash
# What the cases of tests/compat have besides the harness of tests/mount/lib.sh.
# They use nothing of the system's configuration, and no network but loopback.
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

# A TCP port of 127.0.0.1 that nobody listens on.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

lines_are() { # FILE NUMBER: whether it has so many
    [ "$(wc -l <"$1")" -eq "$2" ]
}
