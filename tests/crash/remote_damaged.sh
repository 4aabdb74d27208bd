#!/bin/bash
# A damaged record in a spool: what stands before it is sent, status, errors and fsync say where it is, other shards go
# on; and by what docs/REMOTE.md section 3 says the shard goes on, with the lines behind it.
. "$(dirname "$0")/../compat/lib_remote.sh"
endpoint own
mount_remote --pace=no --close-wait=0
mkdir "$MNT/clicks@shards=2"
shard=$MNT/clicks/shardId-000000000000
other=$MNT/clicks/shardId-000000000001
endpoint_down
printf '%s\n' before1 before2 damaged behind1 behind2 >>"$shard"
echo fine >>"$other"
unmount_fs
spool=$WORK/spool/streams/clicks/shardId-000000000000/spool
sed -i 's/damaged/damagEd/' "$spool/00000000000000000000.data"
endpoint own
mount_remote --pace=no --close-wait=0
sync "$other"
equal fine "$(cat "$other")"
wait_for 10 grep -q '"errno":"EIO"' "$MNT/.kinesisfs/errors"
equal "before1 before2" "$(xargs <"$shard")" "what is sent"
said='damaged at offset 16,'
jq -r '.remote_shards[] | select(.failing) | .last_error' "$MNT/.kinesisfs/status.json" | grep -q "$said" || fail "status"
grep -q "clicks.*shardId-000000000000.*$said" "$MNT/.kinesisfs/errors" || fail "errors: $(<"$MNT/.kinesisfs/errors")"
expect_errno EIO 'os.fsync(os.open("clicks/shardId-000000000000", os.O_WRONLY))'
unmount_fs
mkdir "$WORK/aside"
mv "${spool%/*}"/{spool,acked} "$WORK/aside"
mount_remote --pace=no
tail -c +17 "$WORK/aside/spool/00000000000000000000.data" | tail -n +2 >>"$shard"
sync "$shard"
equal "before1 before2 behind1 behind2" "$(xargs <"$shard")" "what is there at last"
