#!/bin/bash
# The stream's limit is of what is stored; before compression a record has at most 10 MiB. Over either is EMSGSIZE.
. "$(dirname "$0")/../mount/lib.sh"

mount_fs
mkdir "$MNT/s"
head -c $((10 << 20)) /dev/zero | tr '\0' x >"$WORK/longest"
{ cat "$WORK/longest" && echo; } >"$WORK/line"
cat "$WORK/line" >>"$MNT/s@gzip/all"
same "$WORK/line" "$MNT/s@gzip/all"
[ "$(stat -c %s "$MNT/s/all")" -lt 20000 ] || fail "not compressed"
{ echo ok && head -c 1500000 /dev/urandom | tr '\n' x && echo; } >"$WORK/random"
! cat "$WORK/random" 2>"$WORK/why" >>"$MNT/s@zstd/all" || fail "more than the limit was stored"
grep -q 'Message too long' "$WORK/why"
{ cat "$WORK/longest" && echo x; } >"$WORK/longer"
! cat "$WORK/longer" 2>/dev/null >>"$MNT/s@gzip/all" || fail "more than 10 MiB were taken"
equal 2 "$(grep -c 'or compressed over the stream.s limit of 1048576 bytes' "$MNT/.kinesisfs/errors")" errors
equal ok "$(tail -n 1 "$MNT/s@zstd/all")"
