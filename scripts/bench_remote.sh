# shellcheck shell=bash disable=SC2154 # what bench.sh assigns
# The rows remote_* of scripts/bench.sh, which sources this: a mount of our own API, which is on this machine too,
# beside a bare loop of libcurl that sends the same records to the same endpoint.
#
# Ports from KFS_PORT on, default 20000 and a number of this process.

remote_port=${KFS_PORT:-$((20000 + $$ % 1000 * 8))}
remote_lines=500000
remote_puts=500
remote_far=10ms # PutRecord of the row remote_far
remote_shards=100
remote_mirror=$((256 << 20))
endpoint='' # pids
relay=''
export AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=secret AWS_EC2_METADATA_DISABLED=true

remote_build() {
    # shellcheck disable=SC2046 # options
    cc -O2 -std=c11 -D_GNU_SOURCE tests/bench/remote.c -o "$built/remote" $(pkg-config --cflags --libs libcurl)
}

remote_start() { # [OPTION...]: the endpoint
    "$kfs" "$run/endpoint" -o "no_mount,listen=127.0.0.1:$remote_port" "$@"
    endpoint=$(<"$run/endpoint/lock")
}

remote_mount() { # PORT [OPTION...]
    "$kfs" "http://127.0.0.1:$1" "$mnt" -o "threads=$threads,spool=$run/spool,pace=no,region=us-east-1" "${@:2}"
    pid=$(<"$run/spool/lock")
}

remote_stop() {
    local process
    for process in $endpoint $relay; do
        kill "$process" 2>/dev/null || true
        while kill -0 "$process" 2>/dev/null; do sleep 0.02; done
    done
    endpoint='' relay=''
}

prepare_remote() { # ROW
    rm -rf "$run/endpoint" "$run/spool"
    mkdir "$run/endpoint"
    case $1 in
    remote_far) remote_start -o api_faults=slow:$remote_far ;;
    remote_memory) remote_fill ;;
    *) remote_start ;;
    esac
    case $1 in
    remote_lines) remote_mount "$remote_port" ;;
    remote_echo | remote_far) remote_mount "$remote_port" -o linger=0 ;;
    esac
}

# A stream of many shards, filled as a local store, is mirrored once.
remote_fill() {
    local shard
    store=$run/endpoint mount_ours
    mkdir "$mnt/s@shards=$remote_shards"
    lines $((remote_mirror / remote_shards / 100)) >"$run/lines"
    for shard in "$mnt"/s/shard*; do cat "$run/lines" >>"$shard"; done
    unmount_all
    remote_start
}

sample_remote() { # ROW WHO
    local stream=$row-$round
    case $1/$2 in
    remote_delay/*)
        python3 tests/bench/remote_delay.py $((remote_port + 1)) "$remote_port" \
            "$mnt/$stream@follow/shardId-000000000000" 50 &
        relay=$!
        until : 2>/dev/null </dev/tcp/127.0.0.1/$((remote_port + 1)); do sleep 0.05; done
        remote_mount $((remote_port + 1)) && mkdir "$mnt/$stream"
        wait "$relay"
        relay=''
        unmount_all
        return
        ;;
    remote_memory/*)
        rm -rf "$run/spool"
        remote_mount "$remote_port"
        # Twice: a read ends at what had come when the file was opened, five seconds after at most.
        for _ in 1 2; do printf '%s\n' "$mnt"/s/shard* | xargs -P 10 -n 1 cat >"$run/read"; done
        awk '/^VmRSS/ { printf "%.1f\n", $2 / 1024 }' "/proc/$pid/status"
        unmount_all
        return
        ;;
    esac
    mkdir -p "$mnt/$stream"
    case $1/$2 in
    remote_lines/ours) profiled "$built/remote" lines "$mnt/$stream/shardId-000000000000" $remote_lines ;;
    remote_lines/bare) "$built/remote" puts "$remote_port" "$stream" $remote_lines ;;
    remote_*/ours) profiled "$built/remote" echo "$mnt/$stream/shardId-000000000000" $remote_puts ;;
    remote_*/bare) "$built/remote" put "$remote_port" "$stream" $remote_puts ;;
    esac
}
