#!/bin/bash
# Installs what tests/compat needs into build/clients, once: the clients that the API is tried
# with, boto3, the AWS CLI, cbor2, KPL aggregation and a service model (PyPI), the AWS SDKs for
# JavaScript (npm), Java (Maven) and Go; and the endpoints that the remote source is tried
# with, kinesalite and kinesis-local (npm). The languages come from Debian where they
# are missing. Fails where a registry cannot be reached; the tests that need one of these
# are then skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tests/compat/lib_go.sh
. tests/compat/lib_go.sh

clients=$PWD/build/clients
python=(boto3==1.44.5 awscli==1.46.3 cbor2==6.3.0 aws-kinesis-agg==1.2.3 protobuf==7.36.2 six==1.17.0)
model=botocore==1.43.67 # the service model that the tables were made from
node=(@aws-sdk/client-kinesis@3.958.0) # the newest for Node.js 18, which Debian 12 has
endpoints=(kinesalite@3.3.3 kinesis-local@0.6.2)
java=$PWD/tests/compat/java/pom.xml
go=$PWD/tests/compat/go/go.sum # the newest for Go 1.19, which Debian 12 has

missing=()
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python)
command -v npm >/dev/null || missing+=(node)
command -v javac >/dev/null && command -v mvn >/dev/null || missing+=(java)
command -v go >/dev/null || missing+=(go)
[ ${#missing[@]} -eq 0 ] || scripts/setup.sh "${missing[@]}"
mkdir -p "$clients"

# LANGUAGE.done says which clients are there, whole.
begin() { # LANGUAGE DIRECTORY WANTED: clears the directory, unless those are there
    [ "$(cat "$clients/$1.done" 2>/dev/null)" != "$3" ] || return
    rm -rf "$clients/$1.done" "${clients:?}/$2"
}

if begin python venv "${python[*]}"; then
    python3 -m venv "$clients/venv"
    "$clients/venv/bin/pip" --quiet --disable-pip-version-check install "${python[@]}"
    echo "${python[*]}" >"$clients/python.done"
fi
if begin model model "$model"; then
    "$clients/venv/bin/pip" --quiet --disable-pip-version-check install --no-deps --no-compile --target "$clients/model" "$model"
    find "$clients/model" \( -type f ! -path '*/kinesis/*' -o -type d -empty \) -delete
    echo "$model" >"$clients/model.done"
fi
if begin node node_modules "${node[*]}"; then
    echo '{"private":true}' >"$clients/package.json"
    (cd "$clients" && npm install --silent --no-audit --no-fund "${node[@]}")
    echo "${node[*]}" >"$clients/node.done"
fi
if begin java java "$(cat "$java")"; then
    mvn --batch-mode --quiet -f "$java" -Dmaven.repo.local="$clients/java/repository" \
        org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies -DoutputDirectory="$clients/java"
    rm -rf "$clients/java/repository"
    cp "$java" "$clients/java.done"
fi
if begin go go "$(cat "$go")"; then
    go_build "$clients/go" "$clients/go/program" 2> >(grep -v '^go: downloading' >&2 || true)
    cp "$go" "$clients/go.done"
fi
if begin endpoints endpoints "${endpoints[*]}"; then
    mkdir -p "$clients/endpoints"
    echo '{"private":true}' >"$clients/endpoints/package.json"
    (cd "$clients/endpoints" && npm install --silent --no-audit --no-fund --no-optional "${endpoints[@]}")
    echo "${endpoints[*]}" >"$clients/endpoints.done"
fi
