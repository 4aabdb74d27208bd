#!/bin/bash
# Shells, languages and tools that append, all at once to one shard: every line is there once, whole, in its
# writer's order. Each of them is told no more than the file's name.
. "$(dirname "$0")/lib.sh"

need busybox dash gawk perl python3 socat script
mount_fs
mkdir "$MNT/s"
shard=$MNT/s/shardId-000000000000
loop='i=1; while [ $i -le 500 ]; do echo "writer '
end=' line $i end" >>"$0"; i=$((i + 1)); done'
lines() { seq -f "writer $1 line %.0f end" 500; }
(
    busybox sh -c "${loop}1$end" "$shard" &
    dash -c "${loop}2$end" "$shard" &
    bash -c "exec >>\$0; ${loop}3${end/>>\"\$0\"/}" "$shard" &
    gawk -v f="$shard" 'BEGIN { for (i = 1; i <= 500; i++) print "writer 4 line " i " end" >>f }' &
    busybox awk -v f="$shard" 'BEGIN { for (i = 1; i <= 500; i++) print "writer 5 line " i " end" >>f }' &
    # shellcheck disable=SC2016 # perl's
    perl -e 'open my $f, ">>", $ARGV[0]; print $f "writer 6 line $_ end\n" for 1 .. 500; close $f or die' "$shard" &
    python3 -c 'import sys; open(sys.argv[1], "a").writelines(f"writer 7 line {i} end\n" for i in range(1, 501))' "$shard" &
    lines 8 | socat -u - "OPEN:$shard,wronly,append" &
    lines 9 | dd of="$shard" oflag=append conv=notrunc status=none &
    lines 10 | busybox tee -a "$shard" >"$WORK/copy" &
    script -q -a -c "stty -onlcr; $(declare -f lines); lines 11" "$shard" >"$WORK/seen" &
    wait
)
equal 2 "$(grep -c '^Script ' "$shard")" "lines of script's own"
sed '/^Script /d; /^$/d' "$shard" >"$WORK/got"
check_writers "$WORK/got" 11 500
