#!/bin/bash
# The AWS SDK for JavaScript, which speaks HTTP/2: in the clear and over TLS with the certificate
# that kinesisfs makes; SubscribeToShard among the rest.
# timeout: 120
. "$(dirname "$0")/lib_api.sh"

need_node
cp "$HERE/client.mjs" "$CLIENTS/"
serve_api
node "$CLIENTS/client.mjs" "$URL" >"$WORK/clear" 2>&1 || { cat "$WORK/clear" && fail "h2c"; }
stop_api
serve_api --tls
export NODE_EXTRA_CA_CERTS=$STORE/tls/endpoint-certificate.pem
node "$CLIENTS/client.mjs" "$URL" >"$WORK/tls" 2>&1 || { cat "$WORK/tls" && fail "TLS"; }
stop_api
