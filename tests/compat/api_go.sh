#!/bin/bash
# The AWS SDK for Go: in the clear, and over TLS, where it speaks HTTP/2.
# timeout: 120
. "$(dirname "$0")/lib_api.sh"
# shellcheck source=tests/compat/lib_go.sh
. "$HERE/lib_go.sh"

need_go
GOPROXY=off go_build "$CLIENTS/go" "$WORK/client"
serve_api
"$WORK/client"
stop_api
serve_api --tls
AWS_CA_BUNDLE=$STORE/tls/endpoint-certificate.pem "$WORK/client"
stop_api
