#!/bin/bash
# Compressed records: gzip and zstd expand what is made here, and what they make of the
# same bytes at each level, alone or one behind the other, is expanded here.
. "$(dirname "$0")/../mount/lib.sh"

need_tool codec
hex() { od -An -v -tx1 | tr -d ' \n' && echo; }
codec() { "$TOOL" "$@"; }
unhex() { perl -ne 'chomp; print pack("H*", $_)'; }

head -c 100000 "$KFS_BIN" >"$WORK/program"
seq 20000 >"$WORK/numbers"
: >"$WORK/nothing"
for input in program numbers nothing; do
    hex <"$WORK/$input" >"$WORK/hex"
    for tool in gzip zstd; do
        codec $tool <"$WORK/hex" | unhex >"$WORK/made"
        $tool -dc <"$WORK/made" >"$WORK/back"
        same "$WORK/$input" "$WORK/back"
        for level in -1 -3 -9; do
            $tool -c $level <"$WORK/$input" | hex | codec un$tool | unhex >"$WORK/back"
            same "$WORK/$input" "$WORK/back"
        done
        cat "$WORK/$input" "$WORK/$input" >"$WORK/twice"
        { $tool -c "$WORK/$input" && $tool -c "$WORK/$input"; } | hex | codec un$tool | unhex >"$WORK/back"
        same "$WORK/twice" "$WORK/back"
        equal refused "$(hex <"$WORK/twice" | codec un$tool)" "$input, not compressed"
    done
done
