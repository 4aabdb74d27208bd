#!/bin/bash
# With keys a request must be signed with one of them, over HTTP/1.1 and HTTP/2; without, the API
# does not listen beyond loopback.
. "$(dirname "$0")/lib_api.sh"

need_python
(umask 077 && echo "AKIDEXAMPLE secret" >"$WORK/keys")
serve_api --keys="$WORK/keys" --api-status-delay=0
aws kinesis create-stream --stream-name s --shard-count 1
refused() { # EXCEPTION: the next call is refused with it
    ! aws kinesis list-streams >"$WORK/out" 2>&1 || fail "was not refused"
    grep -q "$1" "$WORK/out" || fail "$(cat "$WORK/out")"
}
AWS_SECRET_ACCESS_KEY=wrong refused InvalidSignatureException
AWS_ACCESS_KEY_ID=AKIDOTHER refused UnrecognizedClientException
if [ -e "$CLIENTS/node.done" ]; then
    node --input-type=module -e "
        import { createRequire } from 'node:module'
        const K = createRequire('$CLIENTS/')('@aws-sdk/client-kinesis')
        console.log((await new K.KinesisClient({ endpoint: '$URL' }).send(new K.ListStreamsCommand({}))).StreamNames)
        process.exit(0)" >"$WORK/out"
    equal "[ 's' ]" "$(cat "$WORK/out")"
fi
stop_api
! "$KFS_BIN" "local:$STORE" -f --no-mount --listen=0.0.0.0:0 2>"$WORK/out" || fail "listened on 0.0.0.0"
grep -q "keys=FILE" "$WORK/out" || fail "$(cat "$WORK/out")"
