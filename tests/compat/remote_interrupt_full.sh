#!/bin/bash
# Writes that wait for room in a full spool end with EINTR at a signal, ten of them hold nothing up, and all comes.
. "$(dirname "$0")/lib_remote.sh"
endpoint own
mount_remote --pace=no --close-wait=0 --spool-max=1M --spool-wait=60s
mkdir "$MNT/clicks"
shard=$MNT/clicks/shardId-000000000000
endpoint_down
seq 1000000 1124999 >"$WORK/lines" # a million bytes
cat "$WORK/lines" >>"$shard"
expect_errno 0 '
def caught(*_): raise InterruptedError(4, "caught")
signal.signal(signal.SIGALRM, caught)
fd = os.open("clicks/shardId-000000000000", os.O_WRONLY | os.O_APPEND)
written = 0
while True: # the room there is is taken, then nothing more
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    began = time.monotonic()
    try: written += os.write(fd, b"y" * 9999 + b"\n")
    except InterruptedError: break
assert time.monotonic() - began < 5, "a signal did not end the wait"
open(os.environ["WORK"] + "/written", "w").write(str(written))'
printf '%09999d\n' 0 >"$WORK/line"
for _ in $(seq 10); do dd if="$WORK/line" of="$shard" bs=10000 oflag=append conv=notrunc status=none & pids+=($!); done
sleep 0.5
kill -0 "${pids[@]}" # they wait, for 60 s
within 1000 cat "$MNT/.kinesisfs/status.json"
endpoint own
wait "${pids[@]}" && wait_for 20 spool_is_empty
equal "$(($(wc -l <"$WORK/lines") + $(<"$WORK/written") / 10000 + 10))" "$(wc -l <"$shard")" "lines"
