# shellcheck shell=bash
# For cases that try the API with clients: tests/mount/lib.sh, and
#
#     need_python, need_model, need_node, need_java, need_go    skips where scripts/clients.sh has not put it there
#     mount_api [OPTION...]         mounts with the API on a free port; $URL is where
#     serve_api [OPTION...]         the same without a mount
#     py FILE [ARGUMENT...]         a program of this directory with boto3
#     aws ARGUMENT...               the AWS CLI
. "$(dirname "${BASH_SOURCE[0]}")/../mount/lib.sh"

HERE=$ROOT/tests/compat
CLIENTS=$ROOT/build/clients
export AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=secret AWS_DEFAULT_REGION=eu-west-1 AWS_REGION=eu-west-1
export AWS_EC2_METADATA_DISABLED=true PYTHONWARNINGS=ignore AWS_PAGER=
unset AWS_PROFILE AWS_SESSION_TOKEN AWS_ENDPOINT_URL_KINESIS AWS_CA_BUNDLE NODE_EXTRA_CA_CERTS

need_python() {
    [ -e "$CLIENTS/python.done" ] || skip "no boto3: scripts/clients.sh installs it"
}

need_model() {
    [ -e "$CLIENTS/model.done" ] || skip "no service model: scripts/clients.sh installs it"
}

need_node() {
    [ -e "$CLIENTS/node.done" ] || skip "no AWS SDK for JavaScript: scripts/clients.sh installs it"
}

need_java() {
    [ -e "$CLIENTS/java.done" ] || skip "no AWS SDK for Java: scripts/clients.sh installs it"
}

need_go() {
    [ -e "$CLIENTS/go.done" ] || skip "no AWS SDK for Go: scripts/clients.sh installs it"
}

listens_or_gone() {
    grep -q 'API on http' "$LOG" || daemon_gone
}

find_url() {
    wait_for 30 listens_or_gone
    URL=$(sed -n 's/.*API on \(http[^ ,]*\).*/\1/p' "$LOG" | tail -n 1)
    [ -n "$URL" ] || fail "the API does not listen"
    export URL AWS_ENDPOINT_URL=$URL
}

mount_api() { # [OPTION...]
    : >"$LOG"
    mount_fs --listen=127.0.0.1:0 "$@"
    find_url
}

serve_api() { # [OPTION...]
    : >"$LOG"
    "$KFS_BIN" "local:$STORE" -f --no-mount --listen=127.0.0.1:0 "$@" >>"$LOG" 2>&1 </dev/null &
    DAEMON=$!
    find_url
}

# Ends what serve_api has started, and checks that it drained.
stop_api() {
    kill -TERM "$DAEMON"
    reap || fail "after SIGTERM"
}

py() { # FILE [ARGUMENT...]
    "$CLIENTS/venv/bin/python" "$HERE/$1" "${@:2}"
}

aws() {
    "$CLIENTS/venv/bin/aws" "$@"
}
