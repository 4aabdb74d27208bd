#!/bin/bash
# A view that is unknown, twice there, contradicts another, or has a bad value, and names that are too long, are ENOENT on
# lookup, and errors says which word and what is allowed.
. "$(dirname "$0")/../mount/lib.sh"
mount_fs
mkdir "$MNT/s"
bad() { # VIEWS SAID
    expect_errno ENOENT "os.stat('''s@$1''')"
    tail -n 1 "$MNT/.kinesisfs/errors" | jq -r .message | grep -qF -- "$2" || fail "$1: $(tail -n 1 "$MNT/.kinesisfs/errors")"
}
bad bogus "no view 'bogus'; views are lines, nul, raw, len, json, follow, from=, key=, keyfrom=, cursor="
bad len,len "view 'len' is there twice"
bad nul,raw "views 'nul' and 'raw' contradict each other"
bad gzip,zstd "views 'gzip' and 'zstd' contradict each other"
bad key=a,keyfrom=random "views 'key' and 'keyfrom' contradict each other"
bad raw=1 "view 'raw' takes no value"
bad from "view 'from' needs a value"
bad from=-1y "view 'from': its value is start, end, -10m"
bad from=-366d "at most 365d"
bad from=-1000000000000 "from 1 to 999999999999"
bad cursor=a+b "1 to 48 of the characters"
bad key=%zz "two hexadecimal digits"
bad keyfrom=field:0 "from 1 to 1000"
bad keyfrom=what "field:N, json:NAME.NAME, regex:EXPRESSION or random"
bad 'keyfrom=regex:(' "no extended regular expression"
bad "$(printf 'x%.0s' {1..253})" "no view 'xxx"
bad "$(printf 'x,%.0s' {1..70})" "at most 64 views"
ls "$MNT/s@what" 2>"$WORK/ls" && fail "ls" # looks it up twice
equal 1 "$(grep -c "'what'" "$MNT/.kinesisfs/errors")" "lines of errors"
expect_errno ENAMETOOLONG "os.stat('s@$(printf 'x%.0s' {1..254})')"
