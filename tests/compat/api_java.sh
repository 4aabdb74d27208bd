#!/bin/bash
# The AWS SDK for Java: the synchronous client over HTTP/1.1 and the asynchronous one over HTTP/2
# with a subscription; with CBOR, which they speak by default, and JSON; in the clear and over TLS.
# timeout: 240
. "$(dirname "$0")/lib_api.sh"

need_java
javac -d "$WORK/classes" -cp "$CLIENTS/java/*" "$HERE"/java/*.java
jvm() { # CLASS [OPTION...]
    java "${@:2}" -cp "$WORK/classes:$CLIENTS/java/*" "$1" >"$WORK/out" 2>&1 || { cat "$WORK/out" && fail "$*"; }
}

serve_api
jvm Sync
jvm Async
CBOR_ENABLED=false jvm Sync
CBOR_ENABLED=false jvm Async
stop_api
serve_api --tls
trust=(-Djavax.net.ssl.trustStore="$WORK/trust" -Djavax.net.ssl.trustStorePassword=secret)
keytool -importcert -noprompt -file "$STORE/tls/endpoint-certificate.pem" -keystore "$WORK/trust" \
    -storepass secret 2>"$WORK/out" || fail "$(cat "$WORK/out")"
jvm Sync "${trust[@]}"
jvm Async "${trust[@]}"
stop_api
