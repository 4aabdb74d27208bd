/* Dead letters of a shard: told, sent again, forgotten. */
#include "backend/kinesis/internal.h"

/* The shard, and its spool where it has one that is open: others hold nothing. To be left again. Not where the stream
 * is gone: its spool is the operator's. */
static int enter(struct kfs_stream *s, uint32_t index, struct remote_shard **shard, struct remote_spool **spool,
                 struct kfs_error *err)
{
    int rc = remote_shard_find((struct remote_stream *)s, index, shard, NULL, err);

    if (rc != 0)
        return rc;
    (void)pthread_mutex_lock(&(*shard)->lock);
    *spool = (*shard)->spool;
    if ((*shard)->stopped)
        rc = remote_fail_gone((*shard)->stream, err);
    else
        (*shard)->spool_users++;
    (void)pthread_mutex_unlock(&(*shard)->lock);
    return rc;
}

static void leave(struct remote_shard *shard)
{
    (void)pthread_mutex_lock(&shard->lock);
    shard->spool_users--;
    (void)pthread_mutex_unlock(&shard->lock);
}

int remote_dead_count(struct kfs_stream *s, uint32_t index, uint64_t *n, struct kfs_error *err)
{
    struct remote_spool_state state = {0};
    struct remote_shard *shard;
    struct remote_spool *spool;
    int rc = enter(s, index, &shard, &spool, err);

    if (rc != 0)
        return rc;
    if (spool != NULL)
        remote_spool_state(spool, &state);
    *n = state.dead;
    leave(shard);
    return 0;
}

int remote_dead_list(struct kfs_stream *s, uint32_t index, kfs_dead_visit *visit, void *arg, struct kfs_error *err)
{
    struct remote_shard *shard;
    struct remote_spool *spool;
    int rc = enter(s, index, &shard, &spool, err);

    if (rc != 0)
        return rc;
    if (spool != NULL)
        rc = remote_spool_list_dead(spool, visit, arg, err);
    leave(shard);
    return rc;
}

int remote_dead_end(struct kfs_stream *s, uint32_t index, enum kfs_dead_end end, struct kfs_error *err)
{
    struct remote_shard *shard;
    struct remote_spool *spool;
    uint64_t bytes = 0;
    int rc = enter(s, index, &shard, &spool, err);

    if (rc != 0)
        return rc;
    if (spool != NULL && end == KFS_DEAD_DROP) {
        rc = remote_spool_drop(spool, err);
    } else if (spool != NULL) {
        rc = remote_spool_resend(spool, &bytes, err);
        /* Not waited for: they take the place that they had. Perhaps they have been sent already. */
        remote_take_room(shard->stream->remote, bytes);
    }
    leave(shard);
    remote_shard_post(shard);
    return rc;
}
