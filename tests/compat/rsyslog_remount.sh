#!/bin/bash
# rsyslog told to try again for ever loses nothing when the daemon is killed and mounted again.
. "$(dirname "$0")/lib.sh"

need rsyslogd logger
mount_fs
mkdir "$MNT/s"
cat >"$WORK/rsyslog.conf" <<EOF
global(workDirectory="$WORK")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="$WORK/socket" RateLimit.Interval="0")
template(name="line" type="string" string="%timestamp% %syslogtag%%msg%\n")
action(type="omfile" file="$MNT/s/all" template="line" action.resumeRetryCount="-1" action.resumeInterval="1")
EOF
rsyslogd -n -f "$WORK/rsyslog.conf" -i "$WORK/pid" >"$WORK/said" 2>&1 &
wait_for 20 test -S "$WORK/socket"
send() { seq -f "writer 1 line %.0f end" "$1" "$2" | logger -u "$WORK/socket" -t sender; }
send 1 1000
wait_for 20 lines_are "$MNT/s/all" 1000
kill9
send 1001 2000
wait_for 20 grep -q 'not connected' "$WORK/said"
mount_fs
send 2001 3000
wait_for 30 lines_are "$MNT/s/all" 3000
check_writers "$MNT/s/all" 1 3000
