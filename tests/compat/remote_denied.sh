#!/bin/bash
# What the endpoint refuses fails in the shell: credentials it does not know are EACCES, and the record stays.
. "$(dirname "$0")/lib_remote.sh"
echo 'AKIDEXAMPLE secret' >"$WORK/keys"
chmod 600 "$WORK/keys"
endpoint own --keys="$WORK/keys"
mount_remote
mkdir "$MNT/clicks"
echo one >>"$MNT/clicks/shardId-000000000000"
unmount_fs
AWS_SECRET_ACCESS_KEY=wrong mount_remote
# Not the shell's own echo: shells do not look at how a redirection is closed.
if env echo two 2>"$WORK/said" >>"$MNT/clicks/shardId-000000000000"; then fail "a close that should have failed"; fi
grep -q 'Permission denied' "$WORK/said"
expect_errno EACCES 'os.fsync(os.open("clicks/shardId-000000000000", os.O_WRONLY))'
unmount_fs
mount_remote
wait_for 20 spool_is_empty
cmp "$MNT/clicks/shardId-000000000000" <(printf 'one\ntwo\n')
