#!/bin/bash
# How fast it is: scripts/bench.sh [--profile] [ROW...], by default all rows. For a ROW also
# files, the rows of the file system, api, those of the API (scripts/bench_api.sh), and remote, those of a
# remote source (scripts/bench_remote.sh).
# Builds what it needs, measures each row against something that no one here wrote,
# on this machine and in this run, and prints a table. What the rows mean, and what
# was measured: docs/BENCH.md. About ten minutes.
#
# In each round every participant of a row runs once, in turns from both ends, so that
# what disturbs the machine hits all. A ratio is made within a round; shown are medians.
# --profile runs one round of each row under perf and prints where the daemon's time went.
#
# KFS_ROUNDS   default 7
# KFS_BIN      the program to measure, default build/kinesisfs
set -euo pipefail
cd "$(dirname "$0")/.."

# Name, what is measured, who takes part, and the targets, with commas between: of the first
# participant's value over that of the one named, or over the second's where none is named,
# or where there is one participant of the value itself.
table='
append1|100-byte lines, 1 writer, lines/s|ours null native|>= 0.8
append4|100-byte lines, 4 writers, lines/s|ours null native|>= 0.8
bulk|bulk append, MB/s|ours passthrough_ll native|>= 0.7
read_warm|sequential read, read before, MB/s|ours passthrough_ll native|>= 1.0
read_cold|sequential read, from disk, MB/s|ours passthrough_ll native|>= 1.0
len|@len, read before, MB/s|ours plain|>= 0.7
nul|@nul, read before, MB/s|ours plain|>= 0.7
json|@json, read before, MB/s of output|ours plain|>= 0.5
keyfrom|keyfrom=json:, bulk append, MB/s|ours plain|>= 0.5
from_open|open from=-10m, 10 million records, ms|ours|<= 5
readers_memory|10,000 @follow readers, resident, MB|ours|<= 64
follow|append to reader, p50 p99 p99.9, us|ours pipe|<= 20
durable1|sync=always, 1 writer, lines/s|ours native|
durable4|sync=always, 4 writers, lines/s|ours one native|
durable16|sync=always, 16 writers, lines/s|ours one native|>= 8
mount_time|mount, 10 million records, ms|ours|<= 100
mount_memory|the same, resident, MB|ours|<= 16
many_time|mount, 1,000 streams of 10 shards, ms|ours|
many_memory|the same, resident, MB|ours|<= 256
api_put1|PutRecord, 1 connection, requests/s|ours nginx kinesalite kinesis-local|nginx >= 0.7
api_put16|PutRecord, 16 connections, requests/s|ours nginx kinesalite kinesis-local|nginx >= 0.5,kinesalite >= 12
api_put64|PutRecord, 64 connections, requests/s|ours nginx kinesalite|nginx >= 0.5,kinesalite >= 12
api_put_h2|PutRecord, HTTP/2, 16 of 4, requests/s|ours nginx|
api_puts|PutRecords of 500, records/s|ours kinesalite|>= 25
api_gets|GetRecords of 10,000, records/s|ours kinesalite|>= 30
api_memory|1,000 connections, resident, MB|ours|<= 64
api_start|start to first answer, ms|ours|<= 20
api_event|put to event, p50 p99 p99.9, ms|ours|<= 5
api_answer|put to answer, p50 p99 p99.9, ms|ours|
remote_lines|lines into a remote shard, lines/s|ours bare|>= 0.9
remote_echo|line to acknowledged, median, us|ours bare|<= 1.3
remote_far|the same, an endpoint of 10 ms|ours bare|<= 1.3
remote_delay|answer to reader, p50 p99 p99.9, ms|ours|<= 2
remote_memory|100 shards, 256 MB mirrored, resident, MB|ours|<= 64'

rounds=${KFS_ROUNDS:-7}
kfs=$(realpath -- "${KFS_BIN:-build/kinesisfs}")
built=$PWD/build/bench
examples=/usr/share/doc/libfuse3-dev/examples
threads=4 # of every daemon; it is the default of ours
seconds=0.5
bulk_bytes=$((256 << 20))
read_bytes=$((128 << 20))
profile=
if [ "${1:-}" = --profile ]; then
    profile=yes
    rounds=1
    shift
fi

# ---- what is measured ----

build() {
    make -s -j "$(nproc)"
    mkdir -p "$built"
    cc -O2 -std=c11 -D_GNU_SOURCE -pthread tests/bench/bench.c -o "$built/load"
    if [ ! -e $examples/null.c ]; then # an image without documentation
        (cd "$built" && apt-get -q download libfuse3-dev && dpkg-deb -x libfuse3-dev_*.deb package)
        examples=$built/package$examples
    fi
    local example
    for example in null passthrough_ll; do
        # shellcheck disable=SC2046 # options
        cc -O2 "$examples/$example.c" -o "$built/$example" $(pkg-config --cflags --libs fuse3)
    done
}

mount_ours() { # [OPTION...]
    "$kfs" "$store" "$mnt" -o threads=$threads "$@"
    pid=$(<"$store/lock")
}

mount_peers() {
    "$built/null" -o max_threads=$threads "$run/null"
    "$built/passthrough_ll" -o "max_threads=$threads,source=$run/source" "$run/passthrough_ll"
}

unmount_all() {
    local dir
    for dir in "$mnt" "$run/null" "$run/passthrough_ll"; do
        ! grep -qF " $dir fuse" /proc/self/mounts || fusermount3 -u "$dir"
    done
    while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
    pid=
}

finish() {
    api_stop || true
    unmount_all || true
    remote_stop || true
    rm -rf --one-file-system "$run"
}

lines() { # COUNT: of 100 bytes
    yes "$(printf %099d 0)" | head -n "$1" || true # yes ends by SIGPIPE
}

fresh() { # the shard of a new stream
    mkdir -p "$mnt/$row-$round"
    echo "$mnt/$row-$round/shardId-000000000000"
}

profiled() { # COMMAND...: that loads our daemon; under the profiler, where that is asked for
    if [ -n "$profile" ]; then
        perf record -q -g -o "$built/perf.$row" -p "$pid" -- "$@" 2>"$run/perf.log"
    else
        "$@"
    fi
}

load_ours() { # WORK...
    profiled "$built/load" "$@"
}

# Everything is unmounted between two samples, so that nothing is left in any daemon.
sample_read() { # cold|warm WHO
    local file reader="$built/load"
    find "$store/streams" "$run/source/read" -type f -exec dd if={} iflag=nocache count=0 status=none \;
    case $2 in
    ours) mount_ours && file=$mnt/read/shardId-000000000000 && reader=load_ours ;;
    passthrough_ll) mount_peers && file=$run/passthrough_ll/read ;;
    native) file=$run/source/read ;;
    esac
    [ "$1" = cold ] || "$built/load" read "$file" >"$run/first"
    $reader read "$file"
    unmount_all
}

# A shard that was read before, through a view and as it is, in one mount.
sample_view() { # VIEW WHO
    case $2 in
    ours) load_ours read "$mnt/read@$1/shardId-000000000000" ;;
    plain) "$built/load" read "$mnt/read/shardId-000000000000" ;;
    esac
}

# A file whose view has a time in it is looked up and opened, the first time in its life.
sample_open() {
    local start=${EPOCHREALTIME/./}
    exec 9<"$mnt/s1@from=-10m/shardId-000000000000"
    echo "$start ${EPOCHREALTIME/./}" | awk '{ printf "%.2f\n", ($2 - $1) / 1000 }'
    exec 9<&-
}

# 10,000 descriptions wait; one line must reach them all.
sample_readers() {
    mkdir "$mnt/s-$round"
    "$built/load" readers "$mnt/s-$round@follow/shardId-000000000000" "$mnt/s-$round/shardId-000000000000" 10000 >&2
    awk '/^VmHWM/ { printf "%.1f\n", $2 / 1024 }' "/proc/$pid/status"
}

# From the start of the program until the sizes of all shards of a stream are known.
sample_mount() { # time|memory
    local start=${EPOCHREALTIME/./}
    mount_ours
    stat "$mnt"/s1/shard* >"$run/sizes"
    local end=${EPOCHREALTIME/./}
    case $1 in
    time) echo $(((end - start) / 1000)) ;;
    memory) awk '/^VmRSS/ { printf "%.1f\n", $2 / 1024 }' "/proc/$pid/status" ;;
    esac
    unmount_all
}

sample() { # ROW WHO: prints a number or several
    case $1/$2 in
    append*/ours) load_ours append "$(fresh)" $seconds "${1#append}" 100 ;;
    append*/null) "$built/load" append "$run/null" $seconds "${1#append}" 100 ;;
    append*/native) "$built/load" append "$run/source/append" $seconds "${1#append}" 100 ;;
    bulk/ours) load_ours copy "$run/big" "$(fresh)" ;;
    bulk/passthrough_ll) rm -f "$run/source/copy" && "$built/load" copy "$run/big" "$run/passthrough_ll/copy" ;;
    bulk/native) rm -f "$run/source/copy" && "$built/load" copy "$run/big" "$run/source/copy" ;;
    read_warm/*) sample_read warm "$2" ;;
    read_cold/*) sample_read cold "$2" ;;
    len/* | nul/* | json/*) sample_view "$1" "$2" ;;
    keyfrom/ours) load_ours copy "$run/big" "$(fresh | sed 's#/shard#@keyfrom=json:user.id/shard#')" ;;
    keyfrom/plain) load_ours copy "$run/big" "$(fresh)" ;;
    from_open/ours) sample_open ;;
    readers_memory/ours) sample_readers ;;
    follow/ours) load_ours follow "$mnt/$row-$round@follow/shardId-000000000000" "$(fresh)" 2000 ;;
    follow/pipe) "$built/load" pipe 2000 ;;
    durable*/one) "$built/load" append "$(fresh)" $seconds 1 100 ;;
    durable*/ours) load_ours append "$(fresh)" $seconds "${1#durable}" 100 ;;
    durable*/native) "$built/load" durable "$run/source/durable" $seconds "${1#durable}" 100 ;;
    mount_*/ours | many_*/ours) sample_mount "${1#*_}" ;;
    api_*) sample_api "$1" "$2" ;;
    remote_*) sample_remote "$1" "$2" ;;
    esac
}

prepare() { # ROW PARTICIPANT...
    api_stop
    unmount_all
    remote_stop
    rm -rf "$store" "$run/source"
    mkdir "$store" "$run/source"
    case $1 in
    append* | follow) mount_ours && mount_peers ;;
    bulk) lines $((bulk_bytes / 100)) >"$run/big" && mount_ours && mount_peers ;;
    durable*) mount_ours -o sync=always ;;
    read_*)
        mount_ours && mkdir "$mnt/read"
        lines $((read_bytes / 100)) >"$run/source/read"
        cat "$run/source/read" >>"$mnt/read/shardId-000000000000"
        unmount_all
        ;;
    len | nul | json)
        mount_ours && mkdir "$mnt/read"
        lines $((read_bytes / 100)) >>"$mnt/read/shardId-000000000000"
        "$built/load" read "$mnt/read@$1/shardId-000000000000" >"$run/first"
        ;;
    keyfrom)
        mount_ours
        yes "{\"user\":{\"id\":\"u-1234567\"},\"text\":\"$(printf %058d 0)\"}" | head -n 1000000 >"$run/big" || true
        ;;
    from_open)
        mount_ours && mkdir "$mnt/s1"
        seq 10000000 >>"$mnt/s1/shardId-000000000000"
        ;;
    readers_memory) mount_ours ;;
    mount_*)
        mount_ours && mkdir "$mnt/s1"
        seq 10000000 >>"$mnt/s1/shardId-000000000000"
        unmount_all
        ;;
    many_*)
        mount_ours -o shards=10
        seq -f "$mnt/s%g" 1000 | xargs mkdir
        unmount_all
        ;;
    api_*) prepare_api "$@" ;;
    remote_*) prepare_remote "$1" ;;
    esac
}

# ---- rounds and the table ----

run_row() { # NAME PARTICIPANT...
    local row=$1 round who all
    shift
    prepare "$row" "$@"
    for ((round = 1; round <= rounds; round++)); do
        all=$*
        [ $((round % 2)) -eq 1 ] || all=$(printf '%s\n' "$@" | tac)
        for who in $all; do
            sync -f "$run" # what another has written is not written out meanwhile
            sample "$row" "$who" >"$run/sample"
            echo "$who $(cat "$run/sample")"
        done
    done >"$run/samples"
}

# One line of the table, of "WHO NUMBER..." lines. Of several numbers the second, a p99, makes the ratio.
# A row of several targets has a line for each.
summarise() { # TEXT PARTICIPANTS TARGETS
    awk -v text="$1" -v participants="$2" -v targets="$3" '
        function sorted(a, n,   i, j, t) {
            for (i = 2; i <= n; i++)
                for (j = i; j > 1 && a[j - 1] > a[j]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
        }
        function median(a, n) { sorted(a, n); return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2 }
        function shown(v) { return v >= 100 ? sprintf("%.0f", v) : sprintf("%.3g", v) }
        {
            n[$1]++; columns = NF - 1
            for (c = 1; c <= columns; c++) value[$1, c, n[$1]] = $(c + 1)
        }
        END {
            main = columns > 1 ? 2 : 1
            who_n = split(participants, who, " ")
            for (w = 1; w <= who_n; w++) {
                out = ""
                for (c = 1; c <= columns; c++) {
                    for (r = 1; r <= n[who[w]]; r++) a[r] = value[who[w], c, r]
                    out = out (c > 1 ? "/" : "") shown(median(a, n[who[w]]))
                }
                all = all sprintf("  %s %s", who[w], out)
            }
            target_n = split(targets, target, ",")
            for (t = 1; t == 1 || t <= target_n; t++) {
                words = split(target[t], want, " ")
                against = words == 3 ? want[1] : who[2]
                for (r = 1; r <= n[who[1]]; r++) {
                    ratio[r] = value[who[1], main, r]
                    if (against != "") ratio[r] /= value[against, main, r]
                }
                middle = median(ratio, n[who[1]])
                bound = want[words]
                verdict = words == 0 ? "" : (want[words - 1] == ">=" ? middle >= bound : middle <= bound) ? "met" : "MISSED"
                printf "%-42s %6s (%s..%s)  %-6s %-6s %s\n", t == 1 ? text : "  against " against, shown(middle),
                    shown(ratio[1]), shown(ratio[n[who[1]]]), words == 0 ? "" : want[words - 1] " " bound, verdict, all
                all = ""
            }
        }' "$run/samples"
}

spec() { # ROW FIELD
    printf '%s\n' "$table" | awk -F'|' -v row="$1" -v field="$2" '$1 == row { print $field }'
}

mapfile -t known < <(printf '%s\n' "$table" | cut -d'|' -f1 | sed /^$/d)
rows=()
[ $# -gt 0 ] || set -- files api remote
for row in "$@"; do
    case $row in
    files) mapfile -t -O ${#rows[@]} rows < <(printf '%s\n' "${known[@]}" | grep -Ev '^(api|remote)_') ;;
    api | remote) mapfile -t -O ${#rows[@]} rows < <(printf '%s\n' "${known[@]}" | grep "^${row}_") ;;
    *) rows+=("$row") ;;
    esac
done
for row in "${rows[@]}"; do
    if [ -z "$(spec "$row" 1)" ]; then
        echo "$0: no row '$row'; there are: ${known[*]}" >&2
        exit 2
    fi
done

. scripts/bench_api.sh
. scripts/bench_remote.sh
build
run=$(mktemp -d "$built/run.XXXXXX")
store=$run/store
mnt=$run/mnt
pid=
trap finish EXIT
trap 'exit 130' INT TERM
mkdir "$mnt" "$run/passthrough_ll" "$store" "$run/source"
: >"$run/null"
case " ${rows[*]}" in *\ api_*) api_build && api_bodies ;; esac
case " ${rows[*]}" in *\ remote_*) remote_build ;; esac

echo "$(date -u +%F), $(nproc) cores, kernel $(uname -r), libfuse $(pkg-config --modversion fuse3)," \
    "store on $(stat -f -c %T "$store"), $rounds rounds"
printf '%-42s %6s (%s)  %-6s %-6s   %s\n' '' ratio range target '' medians
for row in "${rows[@]}"; do
    # shellcheck disable=SC2046 # names
    run_row "$row" $(spec "$row" 3)
    summarise "$(spec "$row" 2)" "$(spec "$row" 3)" "$(spec "$row" 4)"
    [ -z "$profile" ] || perf report -i "$built/perf.$row" --stdio --no-children -g none --percent-limit 1 2>/dev/null |
        grep -v '^#' | sed '/^$/d'
done
