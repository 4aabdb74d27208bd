#!/bin/bash
# rsyslog's omfile writes a shard, at once and with buffers, over a HUP: every message of four senders is there
# once and in order.
. "$(dirname "$0")/lib.sh"

need rsyslogd logger
mount_fs
mkdir "$MNT/plain" "$MNT/async"
cat >"$WORK/rsyslog.conf" <<EOF
global(workDirectory="$WORK")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="$WORK/socket" RateLimit.Interval="0")
template(name="line" type="string" string="%timestamp% %syslogtag%%msg%\n")
action(type="omfile" file="$MNT/plain/all" template="line")
action(type="omfile" file="$MNT/async/all" template="line" asyncWriting="on" flushOnTXEnd="off" ioBufferSize="10k")
EOF
rsyslogd -n -f "$WORK/rsyslog.conf" -i "$WORK/pid" >"$WORK/said" 2>&1 &
wait_for 20 test -S "$WORK/socket"
jobs=()
for writer in 1 2 3 4; do
    seq -f "writer $writer line %.0f end" 3000 | logger -u "$WORK/socket" -t "sender" &
    jobs+=($!)
done
kill -HUP "$(cat "$WORK/pid")"
wait "${jobs[@]}"
kill -HUP "$(cat "$WORK/pid")"
for stream in plain async; do wait_for 20 lines_are "$MNT/$stream/all" 12000; done
for stream in plain async; do check_writers "$MNT/$stream/all" 4 3000; done
