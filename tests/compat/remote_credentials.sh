#!/bin/bash
# Credentials that have expired, then good ones: the provider is asked again, what was written goes out, and a
# record is sent once.
. "$(dirname "$0")/lib_remote.sh"
echo 'AKIDGOOD good' >"$WORK/keys"
chmod 600 "$WORK/keys"
endpoint own --keys="$WORK/keys"
proxy
key() { # ID SECRET
    printf '{"Version":1,"AccessKeyId":"%s","SecretAccessKey":"%s"}' "$@" >"$WORK/key"
}
mkdir -p "$HOME/.aws"
printf '[default]\ncredential_process = sh -c "date >>%s/called; cat %s/key"\n' "$WORK" "$WORK" >"$HOME/.aws/config"
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
key AKIDGOOD good
mount_remote
mkdir "$MNT/clicks"
shard=$MNT/clicks/shardId-000000000000
echo one >>"$shard"
fault expired
key AKIDOLD old # the endpoint does not know these
if env echo two 2>"$WORK/said" >>"$shard"; then fail "a close that should have failed"; fi
grep -q 'Permission denied' "$WORK/said"
grep '"aws_code":"ExpiredTokenException","request_id":"by-the-proxy"' "$MNT/.kinesisfs/errors"
[ "$(shard_status spool_bytes)" -eq 4 ] || fail "the record is not in the spool"
fault pass && sleep 1
key AKIDGOOD good
wait_for 40 spool_is_empty
cmp "$shard" <(printf 'one\ntwo\n')
[ "$(wc -l <"$WORK/called")" -lt 20 ] || fail "asked $(wc -l <"$WORK/called") times"
