/* Two threads: the tidier syncs every interval, however long the endpoint takes; the keeper asks the endpoint what has
 * changed every refresh. */
#include <malloc.h>
#include <stdlib.h>

#include "backend/kinesis/internal.h"

#define CLOSED_MANY 64 /* logs; each was some 25 KB */

void remote_keeper_wake(struct remote *r)
{
    (void)pthread_mutex_lock(&r->keeper_lock);
    r->keeper_hurry = true;
    (void)pthread_cond_signal(&r->keeper_wake);
    (void)pthread_mutex_unlock(&r->keeper_lock);
}

void remote_keeper_hurry(struct remote_stream *stream)
{
    atomic_store(&stream->stale, true);
    remote_keeper_wake(stream->remote);
}

/* What a disk is waited for is done without the stream's lock; shards live as long as the backend. */
static void tidy_stream(struct remote_stream *stream)
{
    (void)pthread_rwlock_rdlock(&stream->lock);
    size_t n = stream->n_shards;
    uint32_t retention_hours = stream->facts.retention_hours;
    struct remote_shard **shards = calloc(n + 1, sizeof(struct remote_shard *));
    for (size_t i = 0; shards != NULL && i < n; i++)
        shards[i] = stream->shards[i];
    (void)pthread_rwlock_unlock(&stream->lock);
    for (size_t i = 0; shards != NULL && i < n; i++)
        remote_shard_tidy(shards[i], retention_hours);
    free(shards);
}

/* What is in the spool of a stream that is gone is the operator's: it is synced too, and then all is closed. Where
 * there is nothing, its directory goes. */
static void tidy_gone(struct remote_stream *stream)
{
    const struct kfs_io *io = stream->remote->options.io;
    bool open = false;

    if (stream->dir < 0)
        return;
    tidy_stream(stream);
    for (size_t i = 0; i < stream->n_shards; i++)
        open = open || remote_shard_is_open(stream->shards[i]);
    if (open || atomic_load(&stream->refs) > 0)
        return;
    io->close(io->ctx, stream->dir);
    stream->dir = -1;
    remote_sweep_gone(stream->remote, stream);
}

static void tidy(struct remote *r)
{
    size_t n;
    struct remote_stream **streams = remote_all(r, &n);

    for (size_t i = 0; i < n; i++)
        tidy_stream(streams[i]);
    remote_all_release(streams, n);
    for (struct remote_stream *gone = remote_first_gone(r); gone != NULL; gone = gone->next_gone)
        tidy_gone(gone);
    /* What thousands of shards have freed lies between what is kept: it is the system's only when asked to be. */
    if (atomic_load(&r->closed) >= CLOSED_MANY) {
        atomic_store(&r->closed, 0);
        (void)malloc_trim(0);
    }
}

/* Waits for the interval; false at the end. *hurry where there is something to do at once. */
static bool wait_interval(struct remote *r, pthread_cond_t *wake, uint64_t ms, bool *hurry)
{
    (void)pthread_mutex_lock(&r->keeper_lock);
    if (!r->keeper_stop && !*hurry)
        (void)kfs_cond_wait(wake, &r->keeper_lock, ms);
    bool go_on = !r->keeper_stop;
    (void)pthread_mutex_unlock(&r->keeper_lock);
    return go_on;
}

static void *run_tidier(void *arg)
{
    struct remote *r = arg;
    uint64_t tidied_ms = remote_mono(r);
    bool hurry = false;

    while (wait_interval(r, &r->tidier_wake, r->options.sync_interval_ms, &hurry)) {
        uint64_t now = remote_mono(r);
        if (now - tidied_ms < r->options.sync_interval_ms)
            continue;
        tidy(r);
        tidied_ms = now;
    }
    return NULL;
}

static bool is_stopping(struct remote *r)
{
    (void)pthread_mutex_lock(&r->keeper_lock);
    bool stop = r->keeper_stop;
    (void)pthread_mutex_unlock(&r->keeper_lock);
    return stop;
}

/* Asks about the streams that are stale, or with `all` those that someone has open. Where the endpoint does not
 * answer the first, the others are not asked about. */
static void refresh_streams(struct remote *r, bool all)
{
    struct kfs_error err;
    size_t n;
    struct remote_stream **streams = remote_all(r, &n);

    for (size_t i = 0; i < n && !is_stopping(r); i++) {
        bool stale = atomic_exchange(&streams[i]->stale, false);
        if (!stale && !(all && atomic_load(&streams[i]->refs) > 1)) /* one is ours */
            continue;
        (void)remote_stream_refresh(streams[i], &err);
        if (!atomic_load(&r->down))
            continue;
        if (stale)
            atomic_store(&streams[i]->stale, true);
        break;
    }
    remote_all_release(streams, n);
}

void remote_hurry_shards(struct remote *r)
{
    size_t n;
    struct remote_stream **streams = remote_all(r, &n);

    for (size_t i = 0; i < n; i++) {
        (void)pthread_rwlock_rdlock(&streams[i]->lock);
        for (size_t j = 0; j < streams[i]->n_shards; j++)
            remote_shard_hurry(streams[i]->shards[j]);
        (void)pthread_rwlock_unlock(&streams[i]->lock);
    }
    remote_all_release(streams, n);
}

static void *run_keeper(void *arg)
{
    struct remote *r = arg;
    uint64_t refreshed_ms = remote_mono(r);

    while (wait_interval(r, &r->keeper_wake, r->options.refresh_ms, &r->keeper_hurry)) {
        (void)pthread_mutex_lock(&r->keeper_lock);
        bool hurry = r->keeper_hurry;
        r->keeper_hurry = false;
        (void)pthread_mutex_unlock(&r->keeper_lock);
        if (atomic_exchange(&r->back, false))
            remote_hurry_shards(r);
        uint64_t now = remote_mono(r);
        if (now - refreshed_ms >= r->options.refresh_ms) {
            struct kfs_error err;
            (void)remote_refresh_names(r, &err);
            if (!atomic_load(&r->down))
                refresh_streams(r, true);
            refreshed_ms = remote_mono(r);
        } else if (hurry) {
            refresh_streams(r, false);
        }
    }
    return NULL;
}

int remote_keeper_start(struct remote *r)
{
    int rc = pthread_create(&r->keeper, NULL, run_keeper, r);

    r->keeper_runs = rc == 0;
    if (rc == 0)
        rc = pthread_create(&r->tidier, NULL, run_tidier, r);
    r->tidier_runs = rc == 0;
    return -rc;
}

void remote_keeper_stop(struct remote *r)
{
    (void)pthread_mutex_lock(&r->keeper_lock);
    r->keeper_stop = true;
    (void)pthread_cond_signal(&r->keeper_wake);
    (void)pthread_cond_signal(&r->tidier_wake);
    (void)pthread_mutex_unlock(&r->keeper_lock);
    remote_end_asking(r);
    if (r->keeper_runs)
        (void)pthread_join(r->keeper, NULL);
    if (r->tidier_runs)
        (void)pthread_join(r->tidier, NULL);
    r->keeper_runs = false;
    r->tidier_runs = false;
}
