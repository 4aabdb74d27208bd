#!/bin/bash
# A full spool: a write waits spool_wait, then fails with ENOSPC; what had returned is not lost, and with the
# endpoint there is room again.
. "$(dirname "$0")/lib_remote.sh"
endpoint own
mount_remote --spool-max=1M --spool-wait=500ms --close-wait=0 --pace=no
mkdir "$MNT/clicks"
shard=$MNT/clicks/shardId-000000000000
endpoint_down
python3 - "$shard" >"$WORK/said" <<'END'
import errno, os, sys, time
f = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
n = 0
try:
    while True:
        begin = time.monotonic()
        os.write(f, b"%099d\n" % n)
        n += 1
except OSError as e:
    print(n, errno.errorcode[e.errno], 0.5 <= time.monotonic() - begin < 5)
END
read -r n error waited <"$WORK/said"
equal "ENOSPC True" "$error $waited" "what the write said"
[ "$n" -gt 10000 ] || fail "only $n lines fit into the spool"
endpoint own
wait_for 40 spool_is_empty
echo more >>"$shard"
in_order "$shard" | cmp - <(seq -f %099.0f 0 $((n - 1)) && echo more)
