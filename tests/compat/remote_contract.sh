#!/bin/bash
# The contract suite of the backends (tests/support/contract.h) against foreign endpoints, whose clocks it moves; but
# for the tests that contract_exceptions lists. With KFS_SOAK those too, and they must fail. Not over TLS: there large
# requests of any client end kinesalite (Node 20), and kinesis-local's HTTP/2 stops.
# timeout: 400
. "$(dirname "$0")/lib_remote.sh"
need_tool unit/test_contract_kinesis
export CMOCKA_MESSAGE_OUTPUT=STDOUT KFS_CONTRACT_LEFT_OUT=
run_suite() { # ENDPOINT
    export KFS_CONTRACT_ENDPOINT=$1 KFS_CONTRACT_CLOCK=$WORK/clock.$1
    named() { awk -v kind="$1" '$1 == kind { print $2 }' "$HERE/contract_exceptions" | sort; }
    if [ -n "${KFS_SOAK:-}" ]; then
        named "$1" >"$WORK/listed.$1"
    else
        KFS_CONTRACT_LEFT_OUT=" $({ named "$1" && named "slow:$1"; } | tr '\n' ' ')"
        : >"$WORK/listed.$1"
    fi
    head -c 8 /dev/zero >"$KFS_CONTRACT_CLOCK"
    NODE_OPTIONS="--require $HERE/contract_clock.cjs" endpoint "$1"
    KFS_CONTRACT_URL=$URL "$TOOL" >"$WORK/out.$1" 2>&1 || true
    grep -q 'test(s) run' "$WORK/out.$1" || fail "$1: the suite did not come to its end"
    sed -nE 's/^\[  (FAILED|ERROR )  \] kinesis: ([a-z0-9_]+)$/\2/p' "$WORK/out.$1" | sort -u >"$WORK/failed.$1"
    diff "$WORK/listed.$1" "$WORK/failed.$1" || { grep -av ' OK ' "$WORK/out.$1" && fail "$1: other tests than those fail"; }
}
for kind in kinesalite kinesis-local; do
    (run_suite "$kind") &
    jobs+=($!)
done
for job in "${jobs[@]}"; do wait "$job"; done
