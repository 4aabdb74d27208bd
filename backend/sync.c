/* The checked wrappers of sync and of what was refused, and a sync that waits; see backend.c. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

#include "backend/backend.h"

void kfs_sync(struct kfs_stream *stream, uint32_t shard, struct kfs_sync *op)
{
    assert(stream != NULL && op != NULL && op->done != NULL);
    op->next = NULL;
    stream->backend->ops->sync(stream, shard, op);
}

int kfs_refused(struct kfs_stream *stream, uint32_t shard, uint64_t *seen)
{
    assert(stream != NULL && seen != NULL);
    if (stream->backend->ops->refused == NULL)
        return 0;
    int rc = stream->backend->ops->refused(stream, shard, seen);
    assert(rc <= 0);
    return rc;
}

struct sync_waiter {
    struct kfs_sync op; /* first: done casts back */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool finished; /* lock */
    int result;    /* lock */
};

static void sync_done(struct kfs_sync *op, int result)
{
    struct sync_waiter *waiter = (struct sync_waiter *)op;

    assert(result <= 0);
    pthread_mutex_lock(&waiter->lock);
    assert(!waiter->finished);
    waiter->finished = true;
    waiter->result = result;
    /* Under the lock: once it is free the waiter may be gone. */
    pthread_cond_signal(&waiter->wake);
    pthread_mutex_unlock(&waiter->lock);
}

int kfs_sync_wait(struct kfs_stream *stream, uint32_t shard)
{
    struct sync_waiter waiter = {.op = {.done = sync_done}};
    int result;

    pthread_mutex_init(&waiter.lock, NULL);
    pthread_cond_init(&waiter.wake, NULL);
    kfs_sync(stream, shard, &waiter.op);
    pthread_mutex_lock(&waiter.lock);
    while (!waiter.finished)
        pthread_cond_wait(&waiter.wake, &waiter.lock);
    result = waiter.result;
    pthread_mutex_unlock(&waiter.lock);
    pthread_cond_destroy(&waiter.wake);
    pthread_mutex_destroy(&waiter.lock);
    return result;
}
