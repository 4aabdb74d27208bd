# shellcheck shell=bash
# For cases with a remote source: lib_api.sh, and
#
#     endpoint KIND [OPTION...]   starts one; $URL is where, $ENDPOINT its pid. Again: the same (its own store) on
#                                 the same port. KIND: own, kinesalite, kinesis-local, or one of these with TLS,
#                                 own-tls and so on; $INSECURE is then the option that believes it
#     endpoint_down               kill -9
#     refuse_over KIB             has our endpoint refuse larger records of clicks; the mount does not hear of it
#     mount_remote [OPTION...]    mounts it, with its state in $WORK/spool
#     proxy                       what is mounted from now on, and the AWS CLI, go through remote_proxy.py
#     fault KIND [OPERATION]      what it does to answers; fault pass: nothing
#     status MEMBER, shard_status MEMBER, spool_is_empty
#     asked OPERATION             how often the proxy has been asked for it
#     within MILLISECONDS COMMAND...   its status; fails where it took longer. What it says goes to $WORK/out
#     in_order FILE               its lines, each where it stands first
#     on_each FUNCTION KINDS [OPTION...]    calls it with each of the endpoints mounted, $kind says which
#     through_proxy FUNCTION KINDS [OPTION...]    the same through the proxy
#     rsyslog_into FILE [ASYNC-FILE]    starts rsyslogd, which writes what comes from $WORK/socket there
# shellcheck source=tests/compat/lib_api.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib_api.sh"
# shellcheck source=tests/compat/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ENDPOINTS=$CLIENTS/endpoints/node_modules
# All of them: what a remote source must be shown to do, it must do with each.
# shellcheck disable=SC2034 # the cases' argument of on_each
KINDS='own own-tls kinesalite kinesalite-tls kinesis-local kinesis-local-tls'
PORT=
ENDPOINT=
INSECURE=
HTTP1=

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

answers() {
    curl -s -k -o /dev/null "$URL"
}

endpoint() { # NAME [OPTION...]
    PORT=${PORT:-$(free_port)}
    INSECURE=
    HTTP1=
    export URL=http://127.0.0.1:$PORT
    case $1 in *-tls) INSECURE=--insecure URL=https://127.0.0.1:$PORT ;; esac
    case $1 in
    own | own-tls)
        "$KFS_BIN" "local:$WORK/endpoint" -f --no-mount --listen="127.0.0.1:$PORT" ${INSECURE:+--tls} "${@:2}" \
            &>>"$WORK/endpoint.log" &
        ;;
    kinesalite | kinesalite-tls)
        [ -e "$CLIENTS/endpoints.done" ] || skip "no kinesalite: scripts/clients.sh installs it"
        node "$ENDPOINTS/kinesalite/cli.js" --port "$PORT" ${INSECURE:+--ssl} --createStreamMs 50 --deleteStreamMs 50 \
            --updateStreamMs 50 --shardLimit 100000 &>"$WORK/endpoint.log" &
        ;;
    kinesis-local | kinesis-local-tls)
        [ -e "$CLIENTS/endpoints.done" ] || skip "no kinesis-local: scripts/clients.sh installs it"
        local plain=$PORT tls
        tls=$(free_port)
        # In HTTP/2 answers of 64 KiB stop where libcurl is of version 8.
        [ -z "$INSECURE" ] || { plain=$tls && tls=$PORT && HTTP1=--http=1.1; }
        (cd "$ENDPOINTS/kinesis-local" && KINESIS_MOCK_PLAIN_PORT=$plain KINESIS_MOCK_TLS_PORT=$tls \
            CREATE_STREAM_DURATION=50ms DELETE_STREAM_DURATION=50ms UPDATE_SHARD_COUNT_DURATION=50ms \
            SPLIT_SHARD_DURATION=50ms MERGE_SHARDS_DURATION=50ms SHARD_LIMIT=100000 \
            exec node main.js) &>"$WORK/endpoint.log" &
        ;;
    esac
    ENDPOINT=$!
    wait_for 30 answers
    export AWS_ENDPOINT_URL=$URL
}

endpoint_down() {
    kill -KILL "$ENDPOINT"
    wait "$ENDPOINT" 2>/dev/null || true
}

try_limit() { # KIB
    curl -sSf "$URL" -o /dev/null --aws-sigv4 aws:amz:us-east-1:kinesis --user any:any \
        -H 'Content-Type: application/x-amz-json-1.1' -H 'X-Amz-Target: Kinesis_20131202.UpdateMaxRecordSize' \
        -d "{\"StreamARN\":\"$(attribute arn "$MNT/clicks")\",\"MaxRecordSizeInKiB\":$1}" 2>/dev/null
}

refuse_over() { # KIB
    wait_for 10 try_limit "$1" # the one before may still be under way
}

attribute() { # NAME FILE
    getfattr --absolute-names --only-values -n "user.kinesis.$1" "$2"
}

mount_remote() { # [OPTION...]
    local SOURCE=$URL
    mount_fs --spool="$WORK/spool" --allow-delete --drain=1s ${INSECURE:+"$INSECURE"} ${HTTP1:+"$HTTP1"} "$@"
}

# What status.json says of the endpoint and the spool.
status() { # MEMBER
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$MNT/.kinesisfs/status.json" "$1"
}

# The same of the one shard that is in use.
shard_status() { # MEMBER
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["remote_shards"][0].get(sys.argv[2]))' \
        "$MNT/.kinesisfs/status.json" "$1"
}

spool_is_empty() {
    [ "$(status spool_bytes)" -eq 0 ]
}

proxy() {
    local port
    port=$(free_port)
    fault pass
    : >"$WORK/requests"
    python3 "$HERE/remote_proxy.py" "$port" "$PORT" "$WORK" ${INSECURE:+"$ENDPOINTS/kinesalite/ssl"} &>"$WORK/proxy.log" &
    URL=${URL%:*}:$port
    export AWS_ENDPOINT_URL=$URL
    wait_for 20 bash -c ": </dev/tcp/127.0.0.1/$port" 2>/dev/null
}

# In one step: the proxy never finds half of it.
fault() { # KIND [OPERATION]
    echo "$*" >"$WORK/fault.new"
    mv "$WORK/fault.new" "$WORK/fault"
}

asked() { # OPERATION
    grep -c " $1 " "$WORK/requests" || true
}

in_order() { # FILE
    awk '!seen[$0]++' "$1"
}

within() { # MILLISECONDS COMMAND...
    local begin=${EPOCHREALTIME/./} status=0
    "${@:2}" &>"$WORK/out" || status=$?
    [ $((${EPOCHREALTIME/./} - begin)) -lt $(($1 * 1000 * KFS_SLOWER)) ] || fail "more than $1 ms: ${*:2}"
    return $status
}

on_each() { # FUNCTION KINDS [OPTION...]
    for kind in $2; do
        echo "--- $kind"
        PORT=
        endpoint "$kind"
        [ -z "${PROXY:-}" ] || proxy
        mount_remote "${@:3}"
        "$1"
        stop_jobs
        unmount_fs
        rm -rf "$WORK/spool" "$WORK/endpoint"
    done
}

through_proxy() { # FUNCTION KINDS [OPTION...]
    PROXY=yes on_each "$@"
}

rsyslog_into() { # FILE [ASYNC-FILE]
    cat >"$WORK/rsyslog.conf" <<END
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="$WORK/socket" RateLimit.Interval="0")
template(name="line" type="string" string="%timestamp% %syslogtag%%msg%\\n")
action(type="omfile" file="$1" template="line")
END
    [ -z "${2:-}" ] || cat >>"$WORK/rsyslog.conf" <<END
action(type="omfile" file="$2" template="line" asyncWriting="on" flushOnTXEnd="off" ioBufferSize="10k")
END
    rm -f "$WORK/socket" "$WORK/pid" # of one before, which was killed
    rsyslogd -n -f "$WORK/rsyslog.conf" -i "$WORK/pid" >"$WORK/rsyslog.said" 2>&1 &
    wait_for 20 test -S "$WORK/socket"
}
