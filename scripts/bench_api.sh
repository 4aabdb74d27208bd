# shellcheck shell=bash disable=SC2154 # what bench.sh assigns
# The rows api_* of scripts/bench.sh, which sources this: the Kinesis API beside an nginx that
# answers the same request with fixed bytes, and beside programs of others that speak it. The
# request carries a signature that nobody checks: without keys all take any.
#
# Ports from KFS_PORT on, default 20000 and a number of this process.

api_peers=(kinesalite@3.3.3 kinesis-local@0.6.2)
api_seconds=1
api_memory_seconds=3
api_h2_requests=40000
api_port=${KFS_PORT:-$((20000 + $$ % 1000 * 8))}
api_pids=() # of the peers
peers=$built/peers

# ---- participants ----

port_of() { # WHO
    local all=(ours nginx nginx_h2 kinesalite kinesis-local kinesis-local-tls) i
    for i in "${!all[@]}"; do
        [ "${all[i]}" != "$1" ] || echo $((api_port + i))
    done
}

api_build() {
    local tool
    for tool in nginx wrk h2load npm curl jq; do
        command -v $tool >/dev/null || { scripts/setup.sh bench && break; }
    done
    cc -O2 -std=c11 -D_GNU_SOURCE tests/bench/api.c -o "$built/api"
    if [ ! -e "$peers/done" ]; then
        mkdir -p "$peers"
        echo '{"private":true}' >"$peers/package.json"
        (cd "$peers" && npm install --silent --no-audit --no-fund "${api_peers[@]}")
        touch "$peers/done"
    fi
}

request() { # WHO OPERATION BODY: prints the answer, fails where it is not 200
    curl -sS --fail-with-body --max-time 20 -H 'content-type: application/x-amz-json-1.1' \
        -H "x-amz-target: Kinesis_20131202.$2" -H 'x-amz-date: 20261123T000000Z' \
        -H "authorization: $authorization" -d "$3" "http://127.0.0.1:$(port_of "$1")/"
}

authorization="AWS4-HMAC-SHA256 Credential=AKID/20261123/us-east-1/kinesis/aws4_request, \
SignedHeaders=host;x-amz-date;x-amz-target, Signature=$(printf %064d 0)"

until_answers() { # PATTERN WHO OPERATION BODY: with an answer like that
    local pattern=$1 left=600
    shift
    # shellcheck disable=SC2053 # a pattern
    until request "$@" >"$run/answer" 2>&1 && [[ $(<"$run/answer") == $pattern ]]; do
        [ $((left -= 1)) -gt 0 ] || { cat "$run/answer" >&2 && return 1; }
        sleep 0.05
    done
}

create_stream() { # WHO NAME
    until_answers '*' "$1" CreateStream "{\"StreamName\":\"$2\",\"ShardCount\":1}"
    [ "$1" = nginx ] || until_answers '*ACTIVE*' "$1" DescribeStreamSummary "{\"StreamName\":\"$2\"}"
}

api_start_ours() {
    rm -rf "$store" && mkdir "$store"
    "$kfs" "$store" -o "no_mount,listen=127.0.0.1:$(port_of ours)"
    pid=$(<"$store/lock")
    create_stream ours s
}

api_stop_ours() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
    pid=
}

# Both keep everything in memory: kinesalite by default, the other always.
api_start_peer() { # WHO
    case $1 in
    nginx)
        mkdir -p "$run/nginx"
        sed "s|RUN|$run|; s|HTTP1|$(port_of nginx)|; s|HTTP2|$(port_of nginx_h2)|" tests/bench/nginx.conf >"$run/nginx.conf"
        nginx -e "$run/nginx.log" -c "$run/nginx.conf" &
        ;;
    kinesalite)
        node "$peers/node_modules/kinesalite/cli.js" --port "$(port_of kinesalite)" --createStreamMs 0 >"$run/kinesalite.log" &
        ;;
    kinesis-local) # reads a file of the directory it runs in
        (cd "$peers/node_modules/kinesis-local" && LOG_LEVEL=ERROR KINESIS_MOCK_PLAIN_PORT=$(port_of kinesis-local) \
            KINESIS_MOCK_TLS_PORT=$(port_of kinesis-local-tls) exec node main.js >"$run/kinesis-local.log") &
        ;;
    esac
    api_pids+=($!)
    create_stream "$1" s
}

api_stop() {
    api_stop_ours
    [ ${#api_pids[@]} -eq 0 ] || kill "${api_pids[@]}" 2>/dev/null || true
    wait "${api_pids[@]}" 2>/dev/null || true
    api_pids=()
}

# ---- requests ----

api_bodies() {
    local data
    data=$(printf %0100d 0 | base64 -w0)
    jq -nc --arg data "$data" '{StreamName: "s", Data: $data, PartitionKey: "key"}' >"$run/PutRecord"
    jq -nc --arg data "$data" '{StreamName: "s", Records: [range(500) | {Data: $data, PartitionKey: "key\(.)"}]}' \
        >"$run/PutRecords"
}

client_of() { # WHO COMMAND...
    local who=$1
    shift
    if [ "$who" = ours ]; then profiled "$@"; else "$@"; fi
}

# The client, and in $run/result "RATE ANSWERED BAD".
api_wrk() { # WHO OPERATION CONNECTIONS SECONDS
    client_of "$1" wrk -t1 -c"$3" -d"$4" --timeout 20s -s tests/bench/request.lua \
        "http://127.0.0.1:$(port_of "$1")/" -- "$2" "$run/$2" >"$run/wrk"
    sed -n 's/^result //p' "$run/wrk" >"$run/result"
}

api_h2load() { # WHO CLIENTS STREAMS
    local who=$1
    [ "$who" = ours ] || who=nginx_h2
    client_of "$1" h2load -n $api_h2_requests -c"$2" -m"$3" -d "$run/PutRecord" \
        -H 'content-type: application/x-amz-json-1.1' -H 'x-amz-target: Kinesis_20131202.PutRecord' \
        -H 'x-amz-date: 20261123T000000Z' -H "authorization: $authorization" \
        "http://127.0.0.1:$(port_of "$who")/" >"$run/h2load"
    awk '/^finished/ { rate = $4 } /^requests:/ { print rate, $8, $6 - $8 }' "$run/h2load" >"$run/result"
}

# Every record that was acknowledged is stored, and no more than requests were under way at the end.
check_stored() { # RECORDS-PER-REQUEST CONNECTIONS
    local acknowledged stored
    api_stop_ours
    acknowledged=$(awk -v each="$1" '{ print $2 * each }' "$run/result")
    "${kfs%/*}/fsck.kinesisfs" "$store" >"$run/fsck"
    stored=$(sed -n 's/.* shards, \([0-9]*\) records.*/\1/p' "$run/fsck")
    if [ "$stored" -lt "$acknowledged" ] || [ "$stored" -gt $((acknowledged + $1 * $2)) ]; then
        echo "bench: $acknowledged records acknowledged, $stored stored" >&2
        return 1
    fi
}

# Prints the rate times a number; an answer that is an error fails the row.
print_rate() { # RECORDS-PER-REQUEST
    awk -v each="$1" '{ print $1 * each; bad = $3 } END { exit NR != 1 || bad > 0 }' "$run/result"
}

sample_puts() { # WHO OPERATION RECORDS CONNECTIONS
    [ "$1" != ours ] || api_start_ours
    api_wrk "$1" "$2" "$4" $api_seconds
    [ "$1" != ours ] || check_stored "$3" "$4"
    print_rate "$3"
}

sample_h2() { # WHO
    [ "$1" != ours ] || api_start_ours
    api_h2load "$1" 16 4
    [ "$1" != ours ] || check_stored 1 0
    print_rate 1
}

sample_gets() { # WHO
    request "$1" GetShardIterator '{"StreamName":"s","ShardId":"shardId-000000000000","ShardIteratorType":"TRIM_HORIZON"}' |
        jq -c '{ShardIterator}' >"$run/GetRecords"
    api_wrk "$1" GetRecords 1 $api_seconds
    print_rate 10000
}

# Peak, with every connection answered again and again.
sample_api_memory() {
    api_start_ours
    api_wrk ours PutRecord 1000 $api_memory_seconds
    awk '/^VmHWM/ { printf "%.1f\n", $2 / 1024 }' "/proc/$pid/status"
    check_stored 1 1000
}

sample_api_start() {
    rm -rf "$store" && mkdir "$store"
    "$built/api" start "$(port_of ours)" "$kfs" "$store" -f -o "no_mount,listen=127.0.0.1:$(port_of ours)" 2>"$run/start.log"
}

sample_latency() { # event|answer
    local arn consumer=()
    api_start_ours
    if [ "$1" = event ]; then
        arn=$(request ours DescribeStreamSummary '{"StreamName":"s"}' | jq -r .StreamDescriptionSummary.StreamARN)
        consumer=("$(request ours RegisterStreamConsumer "{\"StreamARN\":\"$arn\",\"ConsumerName\":\"c\"}" |
            jq -r .Consumer.ConsumerARN)")
        until_answers '*ACTIVE*' ours DescribeStreamConsumer "{\"ConsumerARN\":\"${consumer[0]}\"}"
    fi
    profiled "$built/api" "$1" "$(port_of ours)" 2000 "${consumer[@]}"
    api_stop_ours
}

sample_api() { # ROW WHO: prints a number or several
    case $1 in
    api_put_h2) sample_h2 "$2" ;;
    api_put[0-9]*) sample_puts "$2" PutRecord 1 "${1#api_put}" ;;
    api_puts) sample_puts "$2" PutRecords 500 4 ;;
    api_gets) sample_gets "$2" ;;
    api_memory) sample_api_memory ;;
    api_start) sample_api_start ;;
    api_event | api_answer) sample_latency "${1#api_}" ;;
    esac
}

prepare_api() { # ROW PARTICIPANT...
    local row=$1 who i
    shift
    for who in "$@"; do
        if [ "$who" != ours ]; then
            api_start_peer "$who"
        elif [ "$row" = api_gets ]; then
            api_start_ours
        fi
        if [ "$row" = api_gets ]; then
            for ((i = 0; i < 20; i++)); do
                request "$who" PutRecords "@$run/PutRecords" >"$run/answer"
            done
        fi
    done
}
