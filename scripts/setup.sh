#!/bin/sh
# Installs what is missing on Debian 12 and 13: scripts/setup.sh GROUP...
#   run    what building and mounting need
#   test   what scripts/test.sh needs besides
#   bench  what scripts/bench.sh needs besides
#   python, node, java, go  what scripts/clients.sh installs clients of each with
#
# Says nothing and changes nothing when all is there; asks for nothing. Works as
# root, or with a sudo that needs no password; otherwise says what to install.
# What it installs is neither started nor, where it is a service, enabled.
set -eu

run='gcc libc6-dev make pkgconf libfuse3-dev fuse3 libcjson-dev libcbor-dev libssl-dev libnghttp2-dev
    libhttp-parser-dev libcurl4-openssl-dev libexpat1-dev zlib1g-dev libzstd-dev ca-certificates'
test='libcmocka-dev clang llvm clang-format clang-tidy libclang-rt-dev pmccabe shellcheck
    universal-ctags mandoc jq python3 procps psmisc file less busybox gawk rsync rsyslog nginx
    logrotate attr tmux strace socat curl e2fsprogs ed nano vim-tiny perl dash bsdutils zstd'
bench='linux-perf nginx wrk nghttp2-client nodejs npm curl jq'
python='python3-venv ca-certificates'
node='nodejs npm ca-certificates'
java='default-jdk-headless maven ca-certificates'
go='golang-go ca-certificates'
services='nginx rsyslog' # of these packages

policy=/usr/sbin/policy-rc.d
kept=$policy.before-kinesisfs
mark='# kinesisfs scripts/setup.sh: start nothing'

say() {
    echo "setup: $*" >&2
}

installed() {
    case $(dpkg-query -W -f "\${db:Status-Status}" "$1" 2>/dev/null) in
    installed) return 0 ;;
    *) return 1 ;;
    esac
}

wanted=
for group in "$@"; do
    case $group in
    run) wanted="$wanted $run" ;;
    test) wanted="$wanted $test" ;;
    bench) wanted="$wanted $bench" ;;
    python) wanted="$wanted $python" ;;
    node) wanted="$wanted $node" ;;
    java) wanted="$wanted $java" ;;
    go) wanted="$wanted $go" ;;
    *) say "no group '$group'; there are run, test, bench, python, node, java and go" && exit 2 ;;
    esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    say "this is not Debian; needed, by Debian's names:"
    # shellcheck disable=SC2086 # one line
    echo $wanted >&2
    exit 0
fi

missing=
for package in $wanted; do
    case " $missing " in *" $package "*) continue ;; esac
    installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        exec sudo -n "$0" "$@"
    fi
    say "missing packages, and no right to install them. As root:"
    echo "    apt-get update && apt-get install --no-install-recommends$missing" >&2
    exit 1
fi

# What was here before comes back, also after an earlier run was killed.
restore() {
    if [ -f "$policy" ] && grep -qxF "$mark" "$policy"; then
        rm -f "$policy"
    fi
    if [ -e "$kept" ]; then
        mv "$kept" "$policy"
    fi
    rm -f "$log"
}

log=$(mktemp)
trap restore EXIT
trap 'exit 130' INT TERM
if [ -e "$policy" ] && ! grep -qxF "$mark" "$policy"; then
    mv "$policy" "$kept"
fi
printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
chmod 755 "$policy"

apt() { # shows what apt-get says only when it fails
    if ! DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -q -y -o DPkg::Lock::Timeout=600 \
        -o Dpkg::Options::=--force-confold "$@" >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        say "apt-get $1 failed"
        exit 1
    fi
}

say "installing$missing"
apt update
# shellcheck disable=SC2086 # a list
apt install --no-install-recommends $missing
for package in $missing; do
    case " $services " in *" $package "*) ;; *) continue ;; esac
    systemctl disable "$package" >/dev/null 2>&1 || true # each fails where that
    update-rc.d "$package" disable >/dev/null 2>&1 || true # kind of init is not
done
