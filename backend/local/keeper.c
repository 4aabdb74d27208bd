/* The keeper: one thread that, every sync interval, has dirty shards synced,
 * and now and then looks after retention and closes idle logs. */
#include <errno.h>
#include <stdlib.h>

#include "backend/base/cond.h"
#include "backend/local/local_internal.h"

#define IDLE_MS 10000            /* a log unused for so long is closed */
#define RETENTION_EVERY_MS 60000 /* how often shards that no one writes are looked at */

void local_keeper_note(struct local_shard *shard)
{
    struct local_keeper *keeper = &shard->stream->store->keeper;

    atomic_fetch_add(&shard->stream->refs, 1);
    (void)pthread_mutex_lock(&keeper->lock);
    shard->next_dirty = keeper->dirty;
    keeper->dirty = shard;
    (void)pthread_mutex_unlock(&keeper->lock);
}

static void sync_dirty(struct local_keeper *keeper)
{
    (void)pthread_mutex_lock(&keeper->lock);
    struct local_shard *shard = keeper->dirty;
    keeper->dirty = NULL;
    (void)pthread_mutex_unlock(&keeper->lock);
    while (shard != NULL) {
        struct local_shard *next = shard->next_dirty;
        struct local_stream *stream = shard->stream;
        atomic_store(&shard->dirty, false); /* before the sync: what comes now is noted anew */
        local_syncer_queue(shard, NULL);
        local_stream_unref(stream);
        shard = next;
    }
}

/* Calls visit for every shard there is now. */
static void for_each_shard(struct local_store *store, void (*visit)(struct local_shard *shard, void *arg), void *arg)
{
    (void)pthread_mutex_lock(&store->lock);
    size_t n = store->streams.n;
    struct local_stream **streams = calloc(n + 1, sizeof(struct local_stream *));
    for (size_t i = 0; streams != NULL && i < n; i++) {
        streams[i] = store->streams.entries[i].item;
        atomic_fetch_add(&streams[i]->refs, 1);
    }
    (void)pthread_mutex_unlock(&store->lock);
    for (size_t i = 0; streams != NULL && i < n; i++) {
        (void)pthread_rwlock_rdlock(&streams[i]->lock);
        for (size_t j = 0; !streams[i]->deleted && j < streams[i]->n_shards; j++)
            visit(streams[i]->shards[j], arg);
        (void)pthread_rwlock_unlock(&streams[i]->lock);
        local_stream_unref(streams[i]);
    }
    free(streams);
}

/* Applies retention to a shard, and leaves its log closed where it was, or was idle. */
static void look_after(struct local_shard *shard, void *arg)
{
    const uint64_t *before_ms = arg;

    (void)pthread_mutex_lock(&shard->lock);
    bool idle = shard->log == NULL || (shard->users == 0 && shard->idle_since_ms <= *before_ms);
    (void)pthread_mutex_unlock(&shard->lock);
    if (local_shard_use(shard, NULL) != 0)
        return;
    (void)local_shard_trim(shard, false, NULL);
    local_shard_put(shard);
    if (idle)
        local_shard_close_idle(shard);
}

static void wait_interval(struct local_keeper *keeper, uint64_t interval_ms)
{
    (void)pthread_mutex_lock(&keeper->lock);
    while (!keeper->stop && kfs_cond_wait(&keeper->wake, &keeper->lock, interval_ms))
        continue;
    (void)pthread_mutex_unlock(&keeper->lock);
}

static bool stopping(struct local_keeper *keeper)
{
    (void)pthread_mutex_lock(&keeper->lock);
    bool stop = keeper->stop;
    (void)pthread_mutex_unlock(&keeper->lock);
    return stop;
}

static void *run(void *arg)
{
    struct local_store *store = arg;
    const struct kfs_clock *clock = store->options.clock;
    uint64_t last_sweep = store->keeper.started_ms;

    while (!stopping(&store->keeper)) {
        wait_interval(&store->keeper, store->options.sync_interval_ms);
        sync_dirty(&store->keeper);
        uint64_t now = clock->mono_ms(clock->ctx);
        if (now - last_sweep < RETENTION_EVERY_MS)
            continue;
        last_sweep = now;
        uint64_t before_ms = now > IDLE_MS ? now - IDLE_MS : 0;
        for_each_shard(store, look_after, &before_ms);
    }
    return NULL;
}

int local_keeper_start(struct local_store *store)
{
    struct local_keeper *keeper = &store->keeper;
    const struct kfs_clock *clock = store->options.clock;

    keeper->started_ms = clock->mono_ms(clock->ctx);
    (void)pthread_mutex_init(&keeper->lock, NULL);
    kfs_cond_init(&keeper->wake);
    int rc = pthread_create(&keeper->thread, NULL, run, store);
    keeper->runs = rc == 0;
    return -rc;
}

void local_keeper_stop(struct local_store *store)
{
    struct local_keeper *keeper = &store->keeper;

    (void)pthread_mutex_lock(&keeper->lock);
    keeper->stop = true;
    (void)pthread_cond_broadcast(&keeper->wake);
    (void)pthread_mutex_unlock(&keeper->lock);
    if (keeper->runs)
        (void)pthread_join(keeper->thread, NULL);
    sync_dirty(keeper);
}
