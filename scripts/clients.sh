#!/bin/bash
# Installs the clients that tests/compat tries the API with into build/clients,
# once: boto3, the AWS CLI and cbor2 (PyPI), the AWS SDK for JavaScript (npm).
# Python, Node.js and npm come from Debian where they are missing. Fails where a
# registry cannot be reached; the tests that need a client are then skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

clients=build/clients
python=(boto3==1.44.5 awscli==1.46.3 cbor2==6.3.0)
node=(@aws-sdk/client-kinesis@3.958.0) # the newest for Node.js 18, which Debian 12 has

if ! command -v npm >/dev/null || ! python3 -c 'import ensurepip' 2>/dev/null; then
    scripts/setup.sh clients
fi
mkdir -p "$clients"
if [ ! -e "$clients/python.done" ]; then
    rm -rf "$clients/venv"
    python3 -m venv "$clients/venv"
    "$clients/venv/bin/pip" --quiet --disable-pip-version-check install "${python[@]}"
    touch "$clients/python.done"
fi
if [ ! -e "$clients/node.done" ]; then
    echo '{"private":true}' >"$clients/package.json"
    (cd "$clients" && npm install --silent --no-audit --no-fund "${node[@]}")
    touch "$clients/node.done"
fi
