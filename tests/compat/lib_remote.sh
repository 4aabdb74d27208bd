# shellcheck shell=bash
# For cases with a remote source: lib_api.sh, and
#
#     endpoint own|kinesalite|kinesis-local [OPTION...]   starts one; $URL is where, $ENDPOINT its pid.
#                                 Again: the same (its own store) on the same port
#     endpoint_down               kill -9
#     refuse_over KIB             has our endpoint refuse larger records of clicks; the mount does not hear of it
#     mount_remote [OPTION...]    mounts it, with its state in $WORK/spool
# shellcheck source=tests/compat/lib_api.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib_api.sh"

ENDPOINTS=$CLIENTS/endpoints/node_modules
PORT=
ENDPOINT=

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

answers() {
    curl -s -o /dev/null "http://127.0.0.1:$PORT/"
}

endpoint() { # NAME [OPTION...]
    PORT=${PORT:-$(free_port)}
    case $1 in
    own) "$KFS_BIN" "local:$WORK/endpoint" -f --no-mount --listen="127.0.0.1:$PORT" "${@:2}" &>>"$WORK/endpoint.log" & ;;
    kinesalite)
        [ -e "$CLIENTS/endpoints.done" ] || skip "no kinesalite: scripts/clients.sh installs it"
        node "$ENDPOINTS/kinesalite/cli.js" --port "$PORT" --createStreamMs 50 --deleteStreamMs 50 &>"$WORK/endpoint.log" &
        ;;
    kinesis-local)
        [ -e "$CLIENTS/endpoints.done" ] || skip "no kinesis-local: scripts/clients.sh installs it"
        (cd "$ENDPOINTS/kinesis-local" && KINESIS_MOCK_PLAIN_PORT=$PORT KINESIS_MOCK_TLS_PORT=$(free_port) \
            exec node main.js) &>"$WORK/endpoint.log" &
        ;;
    esac
    ENDPOINT=$!
    wait_for 30 answers
    export URL=http://127.0.0.1:$PORT AWS_ENDPOINT_URL=http://127.0.0.1:$PORT
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
    local STORE=$URL
    mount_fs --spool="$WORK/spool" --allow-delete --drain=1s "$@"
}

# What status.json says of the endpoint and the spool.
status() { # MEMBER
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$MNT/.kinesisfs/status.json" "$1"
}

spool_is_empty() {
    [ "$(status spool_bytes)" -eq 0 ]
}
