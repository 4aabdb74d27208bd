#!/bin/bash
# rsyslog's imfile reads a shard by polling, and goes on where it stopped when it is started again, after a remount too.
. "$(dirname "$0")/lib.sh"

need rsyslogd
mount_fs
mkdir "$MNT/s"
cat >"$WORK/rsyslog.conf" <<EOF
global(workDirectory="$WORK")
module(load="imfile" mode="polling" pollingInterval="1")
input(type="imfile" File="$MNT/s/shardId-000000000000" Tag="kinesis")
template(name="line" type="string" string="%rawmsg%\n")
action(type="omfile" file="$WORK/got" template="line")
EOF
ship() { exec rsyslogd -n -f "$WORK/rsyslog.conf" -i "$WORK/pid" >"$WORK/said" 2>&1; }
add() { seq -f "writer 1 line %.0f end" "$1" "$2" >>"$MNT/s/all"; }
touch "$WORK/got"
add 1 1000
ship &
shipper=$!
wait_for 20 lines_are "$WORK/got" 1000
add 1001 2000
wait_for 20 lines_are "$WORK/got" 2000
kill "$shipper"
wait "$shipper"
remount
add 2001 3000
ship &
wait_for 20 lines_are "$WORK/got" 3000
check_writers "$WORK/got" 1 3000
