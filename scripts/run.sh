#!/bin/bash
# From a fresh machine to streams in a directory:
#   scripts/run.sh         installs what building needs, builds, mounts ./streams,
#                          and serves the Kinesis API on 127.0.0.1:4567
#   scripts/run.sh stop    unmounts it; the records stay
# Both may be repeated. The mount is what `kinesisfs ./streams` makes: the local
# store in $XDG_DATA_HOME/kinesisfs (~/.local/share/kinesisfs; for root
# /var/lib/kinesisfs), with options from KINESISFS_* and the configuration file.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
mountpoint=$PWD/streams
listen=${KINESISFS_LISTEN:-127.0.0.1:4567}

say() {
    echo "run: $*" >&2
}

# The type of the mount on $mountpoint, also of a dead one; fails where there is none.
mount_type() {
    local dir type found=
    while read -r _ dir type _; do
        printf -v dir %b "$dir" # a space is \040
        [ "$dir" != "$mountpoint" ] || found=$type
    done </proc/self/mounts
    [ -n "$found" ] && echo "$found"
}

# A mount whose daemon has died answers ENOTCONN to everything.
clear_dead_mount() {
    if [ "$(mount_type)" = fuse.kinesisfs ] && ! stat "$mountpoint" >/dev/null 2>&1; then
        say "clearing away the mount of a kinesisfs that died"
        fusermount3 -u -z "$mountpoint"
    fi
}

check_fuse() {
    if [ ! -e /dev/fuse ]; then
        modprobe fuse 2>/dev/null || true
    fi
    if [ ! -r /dev/fuse ] || [ ! -w /dev/fuse ]; then
        say "/dev/fuse is not there or not accessible. As root: modprobe fuse. In a container:"
        say "start it with --device /dev/fuse --cap-add SYS_ADMIN"
        exit 1
    fi
}

build() {
    local log
    log=$(mktemp)
    if ! make -s -C "$here" -j "$(nproc)" >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        say "the build failed"
        exit 1
    fi
    rm -f "$log"
}

tell() {
    cat <<END
Streams are in ./streams: a directory is a stream, a line a record. Try

    mkdir streams/clicks
    echo '{"name":"ruan"}' >> streams/clicks/shardId-000000000000
    tail -f streams/clicks/shardId-000000000000     # in another terminal
    cat streams/clicks@json/all | jq                # with keys, times and numbers

The Kinesis API is on http://$listen, over the same streams; any credentials will do. Try

    export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any AWS_DEFAULT_REGION=eu-west-1
    aws --endpoint-url http://$listen kinesis list-streams
    AWS_ENDPOINT_URL=http://$listen python3 ...     # any program that uses boto3

$0 stop unmounts; the records stay for the next time.
END
}

start() {
    clear_dead_mount
    if [ "$(mount_type)" = fuse.kinesisfs ]; then
        say "already mounted"
        tell
        exit 0
    fi
    "$here/scripts/setup.sh" run
    check_fuse
    build
    mkdir -p "$mountpoint"
    "$here/build/kinesisfs" "$mountpoint" --listen="$listen"
    tell
}

# Returns when the daemon has written everything and gone.
stop() {
    local pid
    clear_dead_mount
    if [ "$(mount_type)" != fuse.kinesisfs ]; then
        say "not mounted"
        exit 0
    fi
    pid=$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' "$mountpoint/.kinesisfs/status.json" | head -n 1)
    if ! fusermount3 -u "$mountpoint"; then
        say "a program still uses ./streams (an open file, or a shell that is in it); end it and try again"
        exit 1
    fi
    while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    say "stopped"
}

case ${1:-start} in
start) start ;;
stop) stop ;;
*)
    echo "usage: $0 [stop]" >&2
    exit 2
    ;;
esac
