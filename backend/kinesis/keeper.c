/* The keeper: one thread that syncs every interval, and asks the endpoint what has changed every refresh. */
#include <stdlib.h>

#include "backend/kinesis/internal.h"

void remote_keeper_hurry(struct remote_stream *stream)
{
    struct remote *r = stream->remote;

    atomic_store(&stream->stale, true);
    (void)pthread_mutex_lock(&r->keeper_lock);
    r->keeper_hurry = true;
    (void)pthread_cond_signal(&r->keeper_wake);
    (void)pthread_mutex_unlock(&r->keeper_lock);
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

static void tidy(struct remote *r)
{
    size_t n;
    struct remote_stream **streams = remote_all(r, &n);

    for (size_t i = 0; i < n; i++)
        tidy_stream(streams[i]);
    remote_all_release(streams, n);
}

/* Asks about the streams that are stale, or with `all` those that someone has open. */
static void refresh_streams(struct remote *r, bool all)
{
    struct kfs_error err;
    size_t n;
    struct remote_stream **streams = remote_all(r, &n);

    for (size_t i = 0; i < n; i++) {
        bool stale = atomic_exchange(&streams[i]->stale, false);
        if (stale || (all && atomic_load(&streams[i]->refs) > 1)) /* one is ours */
            (void)remote_stream_refresh(streams[i], &err);
    }
    remote_all_release(streams, n);
}

/* Waits for the interval; false at the end. *hurry where a stream is to be asked about. */
static bool wait_interval(struct remote *r, uint64_t ms, bool *hurry)
{
    (void)pthread_mutex_lock(&r->keeper_lock);
    if (!r->keeper_stop && !r->keeper_hurry)
        (void)remote_cond_wait(&r->keeper_wake, &r->keeper_lock, ms);
    bool go_on = !r->keeper_stop;
    *hurry = r->keeper_hurry;
    r->keeper_hurry = false;
    (void)pthread_mutex_unlock(&r->keeper_lock);
    return go_on;
}

static void *run(void *arg)
{
    struct remote *r = arg;
    uint64_t refreshed_ms = remote_mono(r);
    uint64_t tidied_ms = refreshed_ms;
    uint64_t least =
        r->options.sync_interval_ms < r->options.refresh_ms ? r->options.sync_interval_ms : r->options.refresh_ms;
    bool hurry = false;

    while (wait_interval(r, least, &hurry)) {
        uint64_t now = remote_mono(r);
        if (now - tidied_ms >= r->options.sync_interval_ms) {
            tidy(r);
            tidied_ms = now;
        }
        if (now - refreshed_ms >= r->options.refresh_ms) {
            struct kfs_error err;
            (void)remote_refresh_names(r, &err);
            refresh_streams(r, true);
            refreshed_ms = now;
        } else if (hurry) {
            refresh_streams(r, false);
        }
    }
    return NULL;
}

int remote_keeper_start(struct remote *r)
{
    int rc = pthread_create(&r->keeper, NULL, run, r);

    r->keeper_runs = rc == 0;
    return -rc;
}

void remote_keeper_stop(struct remote *r)
{
    (void)pthread_mutex_lock(&r->keeper_lock);
    r->keeper_stop = true;
    (void)pthread_cond_signal(&r->keeper_wake);
    (void)pthread_mutex_unlock(&r->keeper_lock);
    if (r->keeper_runs)
        (void)pthread_join(r->keeper, NULL);
    r->keeper_runs = false;
}
