/* Requests that may have to wait for an endpoint.
 *
 * A thread of the session serves them first, and does not wait (KFS_TRYING): where something would have waited the
 * request is kept, and one of at most WORKERS_MAX workers serves it again, patiently. So the threads of the session
 * always come back for other requests, interruptions among them. A worker is started where a request finds none
 * that is free, and ends when it has had nothing to do for a while. Writers that wait for room in a spool have half of
 * the workers, so that lookups and opens need not wait for them.
 *
 * A kept request is queued, or with a worker. An interruption of one that is queued takes it out and replies; that of
 * one with a worker ends what it waits for, and the worker replies. The request's own lock (taken by
 * fuse_req_interrupt_func) orders it with the reply. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/clock.h"
#include "backend/base/cond.h"
#include "backend/base/patience.h"
#include "fs/fuse_internal.h"

#define WORKERS_MAX 256
#define WRITERS_MAX (WORKERS_MAX / 2) /* workers that serve calls that may wait for room */
#define QUEUE_MAX 16384
#define IDLE_MS 5000
#define STACK_BYTES ((size_t)1 << 20)

struct kfs_fuse_kept {
    struct kfs_fuse_call call;
    struct kfs_patience patience;
    struct kfs_fuse_pool *pool;
    struct kfs_fuse_kept *next;  /* pool.lock: of the queue, or of those with a worker */
    struct kfs_fuse_kept **prev; /* pool.lock */
    bool queued;                 /* pool.lock */
    char text[];                 /* the name, then data */
};

struct call_queue {
    struct kfs_fuse_kept *first;
    struct kfs_fuse_kept **last; /* where the next one goes */
    size_t n;
};

struct kfs_fuse_pool {
    pthread_mutex_t lock;
    pthread_cond_t work;         /* on the monotonic clock */
    pthread_cond_t gone;         /* a worker has ended */
    struct call_queue queues[2]; /* the second: calls that may wait for room */
    struct kfs_fuse_kept *served;
    unsigned int workers;
    unsigned int writers; /* of them: with a call that may wait for room */
    unsigned int idle;
    bool stop;
};

/* ---- lists: under the lock ---- */

static struct call_queue *queue_of(struct kfs_fuse_pool *pool, const struct kfs_fuse_kept *kept)
{
    return &pool->queues[kept->call.room ? 1 : 0];
}

static void unlink_queued(struct kfs_fuse_pool *pool, struct kfs_fuse_kept *kept)
{
    struct call_queue *queue = queue_of(pool, kept);

    *kept->prev = kept->next;
    if (kept->next != NULL)
        kept->next->prev = kept->prev;
    else
        queue->last = kept->prev;
    kept->queued = false;
    queue->n--;
}

static void link_queued(struct kfs_fuse_pool *pool, struct kfs_fuse_kept *kept)
{
    struct call_queue *queue = queue_of(pool, kept);

    kept->next = NULL;
    kept->prev = queue->last;
    *queue->last = kept;
    queue->last = &kept->next;
    kept->queued = true;
    queue->n++;
}

/* What a worker would take now; NULL: nothing. */
static struct kfs_fuse_kept *first_queued(const struct kfs_fuse_pool *pool)
{
    if (pool->queues[0].first != NULL || pool->writers >= WRITERS_MAX)
        return pool->queues[0].first;
    return pool->queues[1].first;
}

/* How many calls workers would take now, were there enough. */
static size_t n_ready(const struct kfs_fuse_pool *pool)
{
    size_t room = WRITERS_MAX - pool->writers;

    return pool->queues[0].n + (pool->queues[1].n < room ? pool->queues[1].n : room);
}

static void link_served(struct kfs_fuse_pool *pool, struct kfs_fuse_kept *kept)
{
    kept->next = pool->served;
    kept->prev = &pool->served;
    if (kept->next != NULL)
        kept->next->prev = &kept->next;
    pool->served = kept;
}

static void unlink_served(struct kfs_fuse_kept *kept)
{
    *kept->prev = kept->next;
    if (kept->next != NULL)
        kept->next->prev = kept->prev;
}

static void free_kept(struct kfs_fuse_kept *kept)
{
    kfs_patience_release(&kept->patience);
    free(kept);
}

/* ---- workers ---- */

/* Waits for a request. NULL: none has come for a while, or the session ends. Under the lock. */
static struct kfs_fuse_kept *next_kept(struct kfs_fuse_pool *pool)
{
    pool->idle++;
    while (first_queued(pool) == NULL && !pool->stop && kfs_cond_wait(&pool->work, &pool->lock, IDLE_MS))
        continue;
    pool->idle--;
    return first_queued(pool);
}

static void *run_worker(void *arg)
{
    struct kfs_fuse_pool *pool = arg;
    struct kfs_fuse_kept *kept;

    (void)pthread_mutex_lock(&pool->lock);
    while ((kept = next_kept(pool)) != NULL) {
        unlink_queued(pool, kept);
        link_served(pool, kept);
        pool->writers += kept->call.room ? 1 : 0;
        (void)pthread_mutex_unlock(&pool->lock);
        const struct kfs_patience_state before = kfs_patience_enter(KFS_PATIENT, &kept->patience);
        kept->call.serve(&kept->call);
        kfs_patience_leave(&before);
        (void)pthread_mutex_lock(&pool->lock);
        unlink_served(kept);
        pool->writers -= kept->call.room ? 1 : 0;
        free_kept(kept);
    }
    pool->workers--;
    (void)pthread_cond_broadcast(&pool->gone);
    (void)pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Under the lock. One that cannot be started is missed only where there is no other. */
static int start_worker(struct kfs_fuse_pool *pool)
{
    pthread_attr_t attr;
    pthread_t thread;

    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attr, STACK_BYTES);
    int rc = pthread_create(&thread, &attr, run_worker, pool);
    (void)pthread_attr_destroy(&attr);
    if (rc == 0)
        pool->workers++;
    return rc == 0 || pool->workers > 0 ? 0 : -rc;
}

/* ---- keeping a request ---- */

/* Of a write that was taken in part that is told: said again it would be there twice. */
static void reply_failed(fuse_req_t req, size_t written, int rc)
{
    if (written > 0)
        (void)fuse_reply_write(req, written);
    else
        kfs_fuse_reply_status(req, rc);
}

static void interrupted(fuse_req_t req, void *data)
{
    struct kfs_fuse_kept *kept = data;
    struct kfs_fuse_pool *pool = kept->pool;

    (void)pthread_mutex_lock(&pool->lock);
    bool queued = kept->queued;
    if (queued)
        unlink_queued(pool, kept);
    (void)pthread_mutex_unlock(&pool->lock);
    if (queued) {
        reply_failed(req, kept->call.written, -EINTR);
        free_kept(kept);
    } else {
        kfs_patience_interrupt(&kept->patience);
    }
}

static struct kfs_fuse_kept *copy_call(const struct kfs_fuse_call *call, struct kfs_fuse_pool *pool)
{
    size_t name_size = call->name == NULL ? 0 : strlen(call->name) + 1;
    struct kfs_fuse_kept *kept = malloc(sizeof *kept + name_size + call->data_len);

    if (kept == NULL)
        return NULL;
    *kept = (struct kfs_fuse_kept){.call = *call, .pool = pool};
    kfs_patience_init(&kept->patience, kfs_system_clock.mono_ms(kfs_system_clock.ctx));
    kept->call.kept = true;
    if (name_size > 0)
        kept->call.name = memcpy(kept->text, call->name, name_size);
    if (call->data_len > 0)
        kept->call.data = memcpy(kept->text + name_size, call->data, call->data_len);
    return kept;
}

void kfs_fuse_keep(const struct kfs_fuse_call *call)
{
    struct kfs_fuse_pool *pool = ((struct kfs_fuse *)fuse_req_userdata(call->req))->pool;
    struct kfs_fuse_kept *kept = copy_call(call, pool);
    fuse_req_t req = call->req;
    int rc = 0;

    if (kept == NULL) {
        reply_failed(req, call->written, -ENOMEM);
        return;
    }
    fuse_req_interrupt_func(req, interrupted, kept);
    (void)pthread_mutex_lock(&pool->lock);
    link_queued(pool, kept);
    if (pool->queues[0].n + pool->queues[1].n > QUEUE_MAX)
        rc = -EAGAIN;
    else if (pool->idle < n_ready(pool) && pool->workers < WORKERS_MAX)
        rc = start_worker(pool);
    if (rc != 0) {
        unlink_queued(pool, kept);
    } else { /* and from here on it is not ours */
        (void)pthread_cond_signal(&pool->work);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    if (rc == 0)
        return;
    fuse_req_interrupt_func(req, NULL, NULL);
    reply_failed(req, kept->call.written, rc);
    free_kept(kept);
}

void kfs_fuse_serve(struct kfs_fuse_call *call)
{
    if (!kfs_fs_is_remote(kfs_fuse_fs_of(call->req))) {
        call->serve(call);
        return;
    }
    const struct kfs_patience_state before = kfs_patience_enter(KFS_TRYING, NULL);
    call->serve(call);
    kfs_patience_leave(&before);
}

bool kfs_fuse_is_answered(const struct kfs_fuse_call *call, int rc)
{
    if (rc < 0 && kfs_patience_refused()) {
        kfs_fuse_keep(call);
        return false;
    }
    if (call->kept) /* after this `interrupted` is not running and will not */
        fuse_req_interrupt_func(call->req, NULL, NULL);
    return true;
}

/* ---- life ---- */

struct kfs_fuse_pool *kfs_fuse_pool_new(void)
{
    struct kfs_fuse_pool *pool = calloc(1, sizeof *pool);

    if (pool == NULL)
        return NULL;
    (void)pthread_mutex_init(&pool->lock, NULL);
    kfs_cond_init(&pool->work);
    (void)pthread_cond_init(&pool->gone, NULL);
    for (size_t i = 0; i < 2; i++)
        pool->queues[i].last = &pool->queues[i].first;
    return pool;
}

void kfs_fuse_pool_stop(struct kfs_fuse_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    for (size_t i = 0; i < 2; i++)
        for (struct kfs_fuse_kept *kept = pool->queues[i].first; kept != NULL; kept = kept->next)
            kfs_patience_interrupt(&kept->patience);
    for (struct kfs_fuse_kept *kept = pool->served; kept != NULL; kept = kept->next)
        kfs_patience_interrupt(&kept->patience);
    (void)pthread_cond_broadcast(&pool->work);
    while (pool->workers > 0)
        (void)pthread_cond_wait(&pool->gone, &pool->lock);
    (void)pthread_mutex_unlock(&pool->lock);
}

void kfs_fuse_pool_free(struct kfs_fuse_pool *pool)
{
    if (pool == NULL)
        return;
    (void)pthread_mutex_destroy(&pool->lock);
    (void)pthread_cond_destroy(&pool->work);
    (void)pthread_cond_destroy(&pool->gone);
    free(pool);
}
