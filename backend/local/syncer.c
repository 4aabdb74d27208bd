/* Group commit: a few threads that sync shards for whoever waits.
 *
 * A request joins its shard's list. A shard that is waited for stands in the
 * queue once; a thread takes it with all its requests, syncs once and answers
 * them all. Requests that come meanwhile wait for the next sync, since they may
 * be for records that this one does not cover.
 *
 * Many writers would so fall into two halves, of which one waits while the other is
 * synced. So before a sync those who were told of the last one are given a moment to
 * come again: until as many are there, and at most a part of what a sync takes. A
 * single writer never waits. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/base/cond.h"
#include "backend/local/local_internal.h"

#define GATHER_PART 4                   /* of the last sync's time is waited at most */
#define GATHER_NS_MAX UINT64_C(2000000) /* and not longer than this */
#define SECOND_NS UINT64_C(1000000000)

/* Under the syncer's lock. */
static void enqueue(struct local_syncer *syncer, struct local_shard *shard)
{
    shard->queued = true;
    shard->next_queued = NULL;
    if (syncer->tail != NULL)
        syncer->tail->next_queued = shard;
    else
        syncer->head = shard;
    syncer->tail = shard;
    atomic_fetch_add(&shard->stream->refs, 1);
    (void)pthread_cond_signal(&syncer->wake);
}

void local_syncer_queue(struct local_shard *shard, struct kfs_sync *op)
{
    struct local_syncer *syncer = &shard->stream->store->syncer;

    (void)pthread_mutex_lock(&syncer->lock);
    if (op != NULL) {
        op->next = shard->waiting;
        shard->waiting = op;
        if (++shard->n_waiting == shard->writers && shard->running)
            (void)pthread_cond_broadcast(&syncer->gathered);
    }
    shard->again = true;
    if (!shard->queued && !shard->running)
        enqueue(syncer, shard);
    (void)pthread_mutex_unlock(&syncer->lock);
}

/* Syncs a shard's log, which stays closed where it is: then nothing in it waits. */
static int sync_shard(struct local_shard *shard, struct kfs_error *err)
{
    int rc = 0;

    (void)pthread_mutex_lock(&shard->lock);
    struct kfs_log *log = shard->log;
    if (log != NULL)
        shard->users++;
    (void)pthread_mutex_unlock(&shard->lock);
    if (log == NULL)
        return 0;
    atomic_fetch_add(&shard->stream->store->syncs, 1);
    rc = kfs_log_sync(log, err);
    if (rc == 0)
        (void)local_shard_trim(shard, false, NULL);
    local_shard_put(shard);
    return rc;
}

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* Waits a moment for the writers of the last sync. Under the syncer's lock. */
static void gather(struct local_syncer *syncer, const struct local_shard *shard)
{
    uint64_t wait = shard->sync_ns / GATHER_PART;

    if (shard->n_waiting == 0 || shard->n_waiting >= shard->writers)
        return;
    uint64_t end = now_ns() + (wait < GATHER_NS_MAX ? wait : GATHER_NS_MAX);
    const struct timespec until = {(time_t)(end / SECOND_NS), (long)(end % SECOND_NS)};
    int rc = 0;
    while (rc == 0 && shard->n_waiting < shard->writers)
        rc = pthread_cond_timedwait(&syncer->gathered, &syncer->lock, &until);
}

/* Under the syncer's lock, which is given up meanwhile. */
static void serve(struct local_syncer *syncer, struct local_shard *shard)
{
    struct kfs_error err = {0};

    shard->running = true;
    gather(syncer, shard);
    struct kfs_sync *op = shard->waiting;
    size_t told = shard->n_waiting;
    shard->waiting = NULL;
    shard->n_waiting = 0;
    shard->again = false;
    (void)pthread_mutex_unlock(&syncer->lock);

    uint64_t start = now_ns();
    int rc = sync_shard(shard, &err);
    if (rc != 0) {
        atomic_store(&shard->stream->store->failed, true);
        local_fault(shard->stream, shard->index, &err);
    }
    (void)pthread_mutex_lock(&syncer->lock);
    shard->sync_ns = now_ns() - start;
    shard->writers = told + shard->n_waiting; /* none of the told has come again yet */
    (void)pthread_mutex_unlock(&syncer->lock);
    while (op != NULL) {
        struct kfs_sync *next = op->next;
        op->done(op, rc);
        op = next;
    }

    (void)pthread_mutex_lock(&syncer->lock);
    shard->running = false;
    if (shard->again)
        enqueue(syncer, shard);
}

static void *run(void *arg)
{
    struct local_syncer *syncer = arg;

    (void)pthread_mutex_lock(&syncer->lock);
    for (;;) {
        struct local_shard *shard = syncer->head;
        if (shard == NULL) {
            if (syncer->stop)
                break;
            (void)pthread_cond_wait(&syncer->wake, &syncer->lock);
            continue;
        }
        syncer->head = shard->next_queued;
        if (syncer->head == NULL)
            syncer->tail = NULL;
        shard->queued = false;
        serve(syncer, shard);
        (void)pthread_mutex_unlock(&syncer->lock);
        local_stream_unref(shard->stream);
        (void)pthread_mutex_lock(&syncer->lock);
    }
    (void)pthread_mutex_unlock(&syncer->lock);
    return NULL;
}

int local_syncer_start(struct local_store *store)
{
    struct local_syncer *syncer = &store->syncer;

    (void)pthread_mutex_init(&syncer->lock, NULL);
    (void)pthread_cond_init(&syncer->wake, NULL);
    kfs_cond_init(&syncer->gathered);
    for (; syncer->n_threads < KFS_SYNC_THREADS; syncer->n_threads++) {
        int rc = pthread_create(&syncer->threads[syncer->n_threads], NULL, run, syncer);
        if (rc != 0)
            return -rc;
    }
    return 0;
}

void local_syncer_stop(struct local_store *store)
{
    struct local_syncer *syncer = &store->syncer;

    (void)pthread_mutex_lock(&syncer->lock);
    syncer->stop = true;
    (void)pthread_cond_broadcast(&syncer->wake);
    (void)pthread_mutex_unlock(&syncer->lock);
    while (syncer->n_threads > 0)
        (void)pthread_join(syncer->threads[--syncer->n_threads], NULL);
    (void)pthread_cond_destroy(&syncer->gathered);
    (void)pthread_cond_destroy(&syncer->wake);
    (void)pthread_mutex_destroy(&syncer->lock);
}

/* ---- syncing every shard of a stream ---- */

struct fan;

struct fan_part {
    struct kfs_sync op;
    struct fan *fan;
};

struct fan {
    struct kfs_sync *op;
    atomic_size_t left;
    atomic_int result;
    struct fan_part parts[];
};

static void part_done(struct kfs_sync *op, int result)
{
    struct fan *fan = ((struct fan_part *)op)->fan;

    if (result != 0)
        atomic_store(&fan->result, result);
    if (atomic_fetch_sub(&fan->left, 1) == 1) {
        struct kfs_sync *whole = fan->op;
        int rc = atomic_load(&fan->result);
        free(fan);
        whole->done(whole, rc);
    }
}

/* Under the stream's lock. */
static int sync_all(struct local_stream *stream, struct kfs_sync *op)
{
    size_t n = stream->n_shards;
    struct fan *fan = calloc(1, sizeof *fan + n * sizeof fan->parts[0]);

    if (fan == NULL)
        return -ENOMEM;
    fan->op = op;
    atomic_init(&fan->left, n);
    atomic_init(&fan->result, 0);
    for (size_t i = 0; i < n; i++) {
        fan->parts[i].op.done = part_done;
        fan->parts[i].fan = fan;
    }
    for (size_t i = 0; i < n; i++)
        local_syncer_queue(stream->shards[i], &fan->parts[i].op);
    return 0;
}

void local_sync(struct kfs_stream *s, uint32_t index, struct kfs_sync *op)
{
    struct local_stream *stream = (struct local_stream *)s;
    int rc = 0;

    (void)pthread_rwlock_rdlock(&stream->lock);
    const struct kfs_shard_info *info = kfs_topology_find(stream->topology.shards, stream->topology.n, index);
    if (stream->deleted || (index != KFS_NO_SHARD && info == NULL))
        rc = -ENOENT;
    else if (index == KFS_NO_SHARD)
        rc = sync_all(stream, op);
    else
        local_syncer_queue(stream->shards[info - stream->topology.shards], op);
    (void)pthread_rwlock_unlock(&stream->lock);
    if (rc != 0)
        op->done(op, rc);
}
