#!/bin/bash
# Rules that machines can check: scripts/gates.sh [GATE...], by default all.
# Each gate is a function gate_NAME below. It prints what is wrong, and nothing
# otherwise. There are no lists of exceptions. Protocol: docs/TESTING.md.
set -u
cd "$(dirname "$0")/.." || exit 2
export LC_ALL=C

file_lines_max=600
function_lines_max=70
parameters_max=6
complexity_max=15

mapfile -t code < <(find fs backend -name '*.[ch]' | sort)         # the program
mapfile -t all_code < <(find fs backend tests -name '*.[ch]' | sort) # and its tests
mapfile -t scripts < <(find scripts tests .ci -name '*.sh' -o -path '.ci/run' | sort)

# Prints the text of a failed command, nothing of a good one.
quietly() {
    local text
    text=$("$@" 2>&1) || printf '%s\n' "$text"
}

# fs -> backend/backend.h -> backend/base; local, kinesis -> log -> base; fs, kinesis -> codec -> base; only source.c knows
# which backend it is, only service.c that there is an endpoint; what is called internal stays in its directory.
gate_includes() {
    grep -HE '^#include "' "${code[@]}" | awk -F'[:"]' '
        function dir(path) { sub(/\/[^\/]*$/, "", path); return path }
        {
            from = $1; to = $3; d = dir(from); ok = 0
            if (d == "fs") ok = to ~ /^(fs|backend\/(base|codec))\/[^\/]*$/ || to == "backend/backend.h"
            if (from == "fs/source.c" && to ~ /^backend\/(local\/local|kinesis\/(kinesis|connect))\.h$/) ok = 1
            if (from == "fs/service.c" && to ~ /^backend\/endpoint\/(api|server|keys|selfsigned)\.h$/) ok = 1
            if (d == "backend") ok = to ~ /^backend\/(base\/)?[^\/]*$/
            if (d == "backend/base") ok = to ~ /^backend\/base\//
            if (d == "backend/codec") ok = to ~ /^backend\/(codec|base)\//
            if (d == "backend/log") ok = to ~ /^backend\/(log|base)\//
            if (d == "backend/endpoint") ok = to ~ /^backend\/(endpoint|base)\/[^\/]*$/ || to ~ /^backend\/(backend|topology)\.h$/
            if (d == "backend/local") ok = to ~ /^backend\/((local|log|base)\/)?[^\/]*$/
            if (d == "backend/kinesis") ok = to ~ /^backend\/((kinesis|log|codec|base)\/)?[^\/]*$/
            if (to ~ /internal\.h$/ && dir(to) != d) ok = 0
            if (!ok) print from ": must not include " to
        }'
}

# A library is the business of one or two files; libfuse that of the shell's.
gate_libraries() {
    local library
    for library in 'fuse' 'cjson/' 'cbor' 'openssl/evp' 'openssl/ssl' 'openssl/x509' 'nghttp2/' 'http_parser' 'curl/' 'zlib' 'zstd'; do
        grep -lE "^#include <$library" "${code[@]}" | awk -v library="$library" '
            { files = files " " $0 }
            library == "fuse" && !/^fs\/fuse_/ { print "not a file of the FUSE shell, and includes libfuse: " $0 }
            END { if (NR > 2) print "<" library "...> is included by " NR " files:" files }'
    done
}

gate_file_length() {
    wc -l "${all_code[@]}" "${scripts[@]}" Makefile | awk -v max=$file_lines_max '
        $2 != "total" && $1 > max { print $2 ": " $1 " lines, more than " max }'
}

# What a mount case states is seen at a glance; one that breaks things may need more.
gate_case_length() {
    find tests/mount tests/semantics tests/compat -name '*.sh' ! -name 'lib*.sh' -exec wc -l {} + | awk '
        $2 != "total" && $1 > 30 { print $2 ": " $1 " lines, more than 30" }'
}

gate_functions() {
    ctags -o - --languages=C --langmap=C:.c.h --kinds-C=f --fields=neS "${all_code[@]}" | awk -F'\t' \
        -v lines_max=$function_lines_max -v parameters_max=$parameters_max '
        {
            for (i = 4; i <= NF; i++) {
                if ($i ~ /^line:/) first = substr($i, 6)
                if ($i ~ /^end:/) last = substr($i, 5)
                if ($i ~ /^signature:/) signature = substr($i, 12, length($i) - 12)
            }
            while (sub(/\([^()]*\)/, "", signature)) {} # parameters that are functions
            parameters = split(signature, ignored, ",")
            if (last - first + 1 > lines_max)
                print $2 ":" first ": " $1 " has " last - first + 1 " lines, more than " lines_max
            if (parameters > parameters_max)
                print $2 ":" first ": " $1 " has " parameters " parameters, more than " parameters_max
        }'
}

# A switch counts as one.
gate_complexity() {
    pmccabe "${all_code[@]}" | awk -v max=$complexity_max '
        $1 > max { print $6 " " $7 ": complexity " $1 ", more than " max }'
}

gate_headers() {
    quietly make -s -k -j "$(nproc)" headers
}

gate_format() {
    clang-format --dry-run "${all_code[@]}" 2>&1 | sed -n 's/: warning: .*/: clang-format has it otherwise/p'
}

gate_unfinished() {
    grep -rnwE '[T]ODO|[F]IXME|[X]XX|[H]ACK' fs backend tests scripts docs Makefile README.md
}

gate_options_doc() {
    local program
    program=$(make -s -j "$(nproc)" options_md 2>&1) || { echo "$program" && return; }
    build/options_md | diff -u docs/OPTIONS.md - || echo 'docs/OPTIONS.md is old: make docs/OPTIONS.md'
}

# What the documents call a file of the tree, in backquotes, is one; every semantics
# test is named in docs/SEMANTICS.md, every compat test in docs/PROGRAMS.md.
gate_documents() {
    local file path
    for file in README.md docs/*.md; do
        grep -oE '`(fs|backend|scripts|tests|docs)/[A-Za-z0-9_./-]+`' "$file" | tr -d '`' | sort -u |
            while read -r path; do [ -e "$path" ] || echo "$file: there is no $path"; done
    done
    for path in tests/semantics/*.sh; do
        file=${path##*/}
        [ ! -e "$path" ] || grep -qwF -e "${file%.sh}" docs/SEMANTICS.md || echo "docs/SEMANTICS.md: no word of $path"
    done
    find tests/compat -name '*.sh' ! -name 'lib*.sh' | while read -r path; do
        grep -qwF -e "$path" docs/PROGRAMS.md || echo "docs/PROGRAMS.md: no word of $path"
    done
}

# They are well-formed, and that of the program has every option.
gate_man_pages() {
    local option
    mandoc -T lint -W warning docs/man/*
    grep -oE '^\| `--[a-z-]+' docs/OPTIONS.md | cut -d- -f3- | while read -r option; do
        grep -qE "Fl -$option( |\$)" docs/man/kinesisfs.1 || echo "docs/man/kinesisfs.1: nothing of --$option"
    done
}

gate_shellcheck() {
    shellcheck -x "${scripts[@]}"
}

gate_layers() {
    quietly make -s -k -j "$(nproc)" layers
}

gate_tidy() {
    quietly make -s -k -j "$(nproc)" tidy
}

if [ $# -eq 0 ]; then
    # shellcheck disable=SC2046 # names
    set -- $(compgen -A function gate_ | sed 's/^gate_//')
fi
passed=0
failed=0
for gate in "$@"; do
    out=$("gate_$gate" 2>&1)
    if [ -z "$out" ]; then
        echo "ok gate/$gate"
        passed=$((passed + 1))
    else
        echo "not ok gate/$gate"
        printf '%s\n' "$out" | sed 's/^/    /'
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
