#!/bin/bash
# logrotate is refused (create, copytruncate, compress, renamecopy) or copies (to a directory elsewhere): the
# stream is unharmed, and who writes to it goes on, told to open it again or not.
. "$(dirname "$0")/lib.sh"

need logrotate
mount_fs
mkdir "$MNT/s" "$WORK/old"
shard=$MNT/s/shardId-000000000000
bash -c 'trap "exec >>$MNT/s/all" HUP; for i in {1..100000}; do echo "writer 1 line $i end"; done' >>"$shard" &
writer=$!
rotate() { # STATUS DIRECTIVE...
    local want=$1 status=0
    printf '%s\n' "$shard {" "${@:2}" "rotate 100" postrotate "kill -HUP $writer || :" endscript "}" >"$WORK/conf"
    logrotate -f -s "$WORK/state" "$WORK/conf" >>"$WORK/said" 2>&1 || status=$?
    equal "$want" "$status" "status of logrotate: ${*:2}"
}
for _ in 1 2 3; do
    rotate 1 create
    rotate 1 copytruncate
    rotate 1 nocreate compress
    rotate 1 create renamecopy "olddir $WORK/old"
    rotate 0 copytruncate "olddir $WORK/old"
    rotate 0 copy "olddir $WORK/old"
done
equal 12 "$(grep -c '^error: .*Operation not permitted' "$WORK/said")" "refusals: $(cat "$WORK/said")"
wait "$writer"
check_writers "$shard" 1 100000
for copy in "$WORK"/old/*; do cmp -n "$(wc -c <"$copy")" "$copy" "$shard"; done
equal "all shardId-000000000000" "$(cd "$MNT/s" && echo *)" "what is in the stream's directory"
