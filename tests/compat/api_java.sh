#!/bin/bash
# The AWS SDK for Java: the synchronous client over HTTP/1.1 and the asynchronous one over HTTP/2
# with a subscription; with CBOR, which they speak by default, and JSON; in the clear and over TLS.
# timeout: 240
. "$(dirname "$0")/lib_api.sh"

need_java
quick=(-XX:TieredStopAtLevel=1 -XX:+UseSerialGC) # for seconds, on few processors
javac "${quick[@]/#/-J}" -d "$WORK/classes" -cp "$CLIENTS/java/*" "$HERE"/java/*.java
jvm() { # [OPTION...]
    java "${quick[@]}" "$@" -cp "$WORK/classes:$CLIENTS/java/*" Main >"$WORK/out" 2>&1 || fail "$(cat "$WORK/out")"
}

serve_api
jvm
CBOR_ENABLED=false jvm
stop_api
serve_api --tls
keytool -importcert -noprompt -file "$STORE/tls/endpoint-certificate.pem" -keystore "$WORK/trust" \
    -storepass secret 2>"$WORK/out" || fail "$(cat "$WORK/out")"
jvm -Djavax.net.ssl.trustStore="$WORK/trust" -Djavax.net.ssl.trustStorePassword=secret
stop_api
