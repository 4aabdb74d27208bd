/* Being told when records are acknowledged. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "backend/kinesis/internal.h"

/* A front end's request, over one shard or all of them. It is freed on the loop, by `end`: one that waits only so
 * long has a timer there, and the loop runs `arm` before, since it was posted before. */
struct joined {
    struct remote *remote;
    struct kfs_sync *op;
    atomic_bool told; /* op is done with */
    atomic_uint left;
    atomic_int result;
    uint64_t wait_ms; /* 0: no timer */
    struct kfs_task arm;
    struct kfs_task end;
    struct kfs_timer timer;
};

struct part {
    struct remote_sync_wait wait; /* first: done casts back */
    struct joined *joined;
};

static void tell(struct joined *j, int result)
{
    struct kfs_sync *op = j->op;

    if (!atomic_exchange(&j->told, true))
        op->done(op, result);
}

static void on_late(struct kfs_timer *timer)
{
    tell((struct joined *)((char *)timer - offsetof(struct joined, timer)), -ETIMEDOUT);
}

static void arm(struct kfs_task *task)
{
    struct joined *j = (struct joined *)((char *)task - offsetof(struct joined, arm));

    /* Without memory for a timer it waits as long as it takes: a mount is not stuck by that. */
    (void)kfs_loop_at(j->remote->loop, &j->timer, j->wait_ms);
}

static void end(struct kfs_task *task)
{
    struct joined *j = (struct joined *)((char *)task - offsetof(struct joined, end));

    kfs_loop_cancel(j->remote->loop, &j->timer);
    free(j);
}

static void finish_part(struct joined *j, int result)
{
    int none = 0;

    if (result != 0)
        (void)atomic_compare_exchange_strong(&j->result, &none, result);
    if (atomic_fetch_sub(&j->left, 1) != 1)
        return;
    tell(j, atomic_load(&j->result));
    kfs_loop_post(j->remote->loop, &j->end);
}

static void on_settled(struct remote_sync_wait *wait, int result)
{
    struct part *part = (struct part *)wait;
    struct joined *j = part->joined;

    free(part);
    finish_part(j, result);
}

static void sync_shard(struct remote_shard *shard, struct joined *j)
{
    struct remote_spool_state state = {0};
    struct part *part = calloc(1, sizeof *part);
    bool waits = false;
    int rc = 0;

    atomic_fetch_add(&j->left, 1);
    (void)pthread_mutex_lock(&shard->lock);
    if (shard->spool != NULL)
        remote_spool_state(shard->spool, &state);
    bool pending = state.end > shard->settled;
    bool hopeless = atomic_load(&j->remote->drained) || (j->wait_ms > 0 && atomic_load(&j->remote->down));
    if (pending && part == NULL) {
        rc = -ENOMEM;
    } else if (pending && hopeless) {
        rc = -ETIMEDOUT;
    } else if (pending) {
        *part = (struct part){.wait = {.next = shard->syncs, .until = state.end, .done = on_settled}, .joined = j};
        shard->syncs = &part->wait;
        waits = true;
    }
    (void)pthread_mutex_unlock(&shard->lock);
    if (!waits) {
        free(part);
        finish_part(j, rc);
    }
}

void remote_sync(struct kfs_stream *s, uint32_t index, struct kfs_sync *op)
{
    struct remote_stream *stream = (struct remote_stream *)s;
    struct joined *j = calloc(1, sizeof *j);
    struct remote_shard *shard;

    if (j == NULL) {
        op->done(op, -ENOMEM);
        return;
    }
    j->remote = stream->remote;
    j->op = op;
    j->wait_ms = op->wait_ms;
    j->arm.run = arm;
    j->end.run = end;
    j->timer.fire = on_late;
    atomic_init(&j->left, 1); /* ours */
    if (j->wait_ms > 0)
        kfs_loop_post(j->remote->loop, &j->arm);
    if (index != KFS_NO_SHARD) {
        int rc = remote_shard_find(stream, index, &shard, NULL, NULL);
        if (rc == 0)
            sync_shard(shard, j);
        finish_part(j, rc);
        return;
    }
    (void)pthread_rwlock_rdlock(&stream->lock);
    bool gone = stream->gone;
    size_t n = stream->n_shards;
    struct remote_shard **shards = calloc(n + 1, sizeof(struct remote_shard *));
    for (size_t i = 0; shards != NULL && i < n; i++)
        shards[i] = stream->shards[i];
    (void)pthread_rwlock_unlock(&stream->lock);
    for (size_t i = 0; !gone && shards != NULL && i < n; i++)
        sync_shard(shards[i], j);
    finish_part(j, gone ? -ENOENT : shards == NULL ? -ENOMEM : 0);
    free(shards);
}

int remote_refused(struct kfs_stream *s, uint32_t index, uint64_t *seen)
{
    struct remote_stream *stream = (struct remote_stream *)s;
    const atomic_ullong *refused = &stream->refused;
    struct remote_shard *shard;

    if (index != KFS_NO_SHARD) {
        if (remote_shard_find(stream, index, &shard, NULL, NULL) != 0)
            return 0;
        refused = &shard->refused;
    }
    unsigned long long now = atomic_load(refused);
    if (now / REMOTE_REFUSALS == *seen)
        return 0;
    *seen = now / REMOTE_REFUSALS;
    return -(int)(now % REMOTE_REFUSALS);
}
