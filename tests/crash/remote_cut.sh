#!/bin/bash
# An endpoint that is away in the middle, under a running writer and a running tail -f: gone, then silent, for 6 s each
# (KFS_SOAK: a minute). Nothing is lost or reordered, status says so, and what others wrote is read soon after.
# timeout: 240
. "$(dirname "$0")/../compat/lib_remote.sh"
away=${KFS_SOAK:+60}
away=${away:-6}
endpoint own
proxy
mount_remote --pace=no
mkdir "$MNT/clicks"
shard=$MNT/clicks/shardId-000000000000
(
    exec >>"$shard"
    for ((i = 1; ; i++)); do
        echo "$i" && sleep 0.01
        [ ! -e "$WORK/enough" ] || break
    done
    echo "$i" >"$WORK/written"
) &
tail -n +1 -f "$shard" >"$WORK/tail" 2>/dev/null &
sleep 1

put_far() { # TEXT: by the far side, around the proxy
    curl -sSf "http://127.0.0.1:$PORT" -o /dev/null --aws-sigv4 aws:amz:us-east-1:kinesis --user any:any \
        -H 'Content-Type: application/x-amz-json-1.1' -H 'X-Amz-Target: Kinesis_20131202.PutRecord' \
        -d "{\"StreamName\":\"clicks\",\"PartitionKey\":\"k\",\"Data\":\"$(printf %s "$1" | base64)\"}"
}
is_read() { # TEXT: by who opens the file now
    cat "$shard" >"$WORK/cat" && grep -qx "$1" "$WORK/cat"
}
is_down() { [ "$(status reachable)" = False ]; }
for kind in gone silent; do
    if [ $kind = gone ]; then endpoint_down; else fault stall; fi
    sleep "$away"
    wait_for 10 is_down
    [ "$(status spool_bytes)" -gt 0 ] || fail "$kind: the spool is empty"
    if [ $kind = gone ]; then (URL=http://127.0.0.1:$PORT endpoint own); else fault pass; fi
    put_far "far-$kind"
    begin=$SECONDS
    wait_for 10 is_read "far-$kind"
    echo "$kind: read after $((SECONDS - begin)) s"
    [ $((SECONDS - begin)) -le $((7 * KFS_SLOWER)) ] || fail "$kind: stale for $((SECONDS - begin)) s"
done
touch "$WORK/enough"
wait_for 10 test -s "$WORK/written"
wait_for 40 spool_is_empty # a PutRecords into the silence is given up after 20 s
all_there() { grep -v far "$1" | awk '!seen[$0]++' | cmp -s - <(seq "$(cat "$WORK/written")"); }
wait_for 20 all_there "$shard"
wait_for 20 all_there "$WORK/tail"
cmp "$shard" "$WORK/tail"
equal True "$(status reachable)" "reachable"
