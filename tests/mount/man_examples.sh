#!/bin/bash
# Each view has an example in the manual page, and each example does what it says: what is looked for is in its output,
# in the records that are then in the streams s and copy, or in the file report.
. "$(dirname "$0")/lib.sh"

declare -A want=([lines]='"Data":"one"' [nul]='^\./access.log$' [raw]='"Data":"tail"' [follow]='^got error one$'
    [len]='"copied".*"Data":"error one"' [json]='^[0-9a-f]\{16\}$' [from]='^error one$' [key]='"PartitionKey":"user1"'
    [cursor]='"reported":"error one"' [keyfrom]='"PartitionKey":"10.0.0.7".*"Data":"10.0.0.7 GET /"'
    [gzip]='^10.0.0.7 GET /$' [zstd]='^2$' [kpl]='^1$')
# A line for each: the view, a blank, the command.
sed -n '/^\.Ss Views/,/^\.El/p' "$ROOT/docs/man/kinesisfs.1" | sed 's/\\(dq/"/g' |
    awk '/^\.It Cm/ { view = $3; sub(/=$/, "", view) } /^\.Dl/ { sub(/^\.Dl /, ""); print view, $0 }' >"$WORK/examples"
mount_fs
mkdir "$WORK/files" && cd "$WORK/files"
printf '%065536dtail' 0 >image # of two blocks
printf '10.0.0.7 GET /\n10.0.0.8 GET /\n' >access.log
while read -r view example; do
    rm -f report
    mkdir "$MNT/s" "$MNT/copy"
    echo 'error one' >>"$MNT/s/all"
    timeout 2 bash -c "$(sed -E "s#\b(s|copy)@#$MNT/\1@#g" <<<"$example")" >"$WORK/out" 2>&1 || [ "$view/$?" = follow/124 ]
    { cat "$MNT/s@json/all" && sed 's/^/"copied"/' "$MNT/copy@json/all"; } >>"$WORK/out"
    [ ! -e report ] || sed 's/.*/"reported":"&"/' report >>"$WORK/out"
    grep -q "${want[$view]}" "$WORK/out" || fail "$view: $example: $(cut -c -300 "$WORK/out")"
    rmdir "$MNT/s" "$MNT/copy"
done <"$WORK/examples"
expect_errno ENOENT 'os.stat("s@none")'
for view in $(jq -r .message "$MNT/.kinesisfs/errors" | sed -n "s/.*views are //p" | tr -d '=,'); do
    grep -q "^$view " "$WORK/examples" || fail "the manual has no example of $view"
done
