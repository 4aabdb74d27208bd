#!/bin/bash
# grep, awk, sort, comm, jq, head, cut, uniq, diff, md5sum, xxd: the same of a shard as of a plain file.
. "$(dirname "$0")/lib.sh"

mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
for i in $(seq 3000); do printf '{"n":%d,"name":"n%d"}\n' "$i" $((i % 7)); done >"$WORK/plain"
cat "$WORK/plain" >>"$shard"
for tool in "grep -n n3" "grep -c ." "awk -F: {print\$2}" "sort -r" "jq .n" "head -n 7" "cut -c 2-5" "md5sum -" \
    "wc" "od -c" "tac" "nl" "sha1sum -" "sed s/name/x/" "uniq -c" "head -c 1000" "fold -w 9"; do
    # shellcheck disable=SC2086 # words
    cmp <($tool <"$WORK/plain") <($tool <"$shard") || fail "$tool"
done
diff "$WORK/plain" "$shard"
equal 0 "$(comm -3 <(sort "$WORK/plain") <(sort "$MNT/s/all") | wc -l)" "comm -3"
equal "$(grep -b n6 "$WORK/plain" | md5sum)" "$(grep -h -b n6 "$shard" | md5sum)" "grep of the file"
equal 1 "$(grep -rl '"n":3000,' "$MNT/s" --include='shard*' | wc -l)" "grep -r"
equal 3000 "$(jq -s length "$shard")" "jq"
equal "$(wc -c <"$WORK/plain")" "$(du -b "$shard" | cut -f1)" "du -b"
