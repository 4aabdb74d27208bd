/* One shard: its log is opened at first use and closed when idle. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/local/local_internal.h"

#define OPEN_LOGS_MAX 512 /* beyond, a log is closed as soon as it is idle and synced */
#define HOUR_MS UINT64_C(3600000)

struct local_shard *local_shard_new(struct local_stream *stream, uint32_t index)
{
    struct local_shard *shard = calloc(1, sizeof *shard);

    if (shard == NULL)
        return NULL;
    shard->stream = stream;
    shard->index = index;
    atomic_init(&shard->dirty, false);
    (void)pthread_mutex_init(&shard->lock, NULL);
    return shard;
}

static int close_log(struct local_shard *shard)
{
    int rc = 0;

    if (shard->log != NULL) {
        rc = kfs_log_close(shard->log);
        shard->log = NULL;
        atomic_fetch_sub(&shard->stream->store->open_logs, 1);
    }
    return rc;
}

void local_shard_free(struct local_shard *shard)
{
    struct kfs_error err = {0};

    if (close_log(shard) != 0) {
        (void)kfs_fail(&err, EIO, "the last sync failed");
        local_fault(shard->stream, shard->index, &err);
    }
    (void)pthread_mutex_destroy(&shard->lock);
    free(shard);
}

/* What every number given from now on exceeds: the shard's first, and all of earlier epochs. */
static struct kfs_seq floor_of(const struct local_stream *stream, const struct kfs_shard_info *info)
{
    struct kfs_seq_parts parts = {0};

    (void)kfs_seq_split(&info->starting, &parts);
    parts.position = stream->store->epoch << LOCAL_EPOCH_SHIFT;
    return kfs_seq_make(&parts);
}

/* No record arrives before the second of creation in its number, which for a child is the one after its
 * parents closed. Of a chain of shards made by one change it can lie far ahead: that is not waited for. */
static uint64_t arrival_floor(const struct kfs_shard_info *info)
{
    struct kfs_seq_parts parts = {0};

    (void)kfs_seq_split(&info->starting, &parts);
    const uint64_t created_ms = parts.created_s * 1000;
    return created_ms > info->created_ms && created_ms - info->created_ms <= 1000 ? created_ms : info->created_ms;
}

/* Under shard.lock, with the stream's lock held. */
static int open_log(struct local_shard *shard, struct kfs_error *err)
{
    struct local_stream *stream = shard->stream;
    const struct kfs_local_options *o = &stream->store->options;
    const struct kfs_shard_info *info = kfs_topology_find(stream->topology.shards, stream->topology.n, shard->index);
    const struct kfs_log_config config = {.io = o->io,
                                          .clock = o->clock,
                                          .segment_bytes = o->segment_bytes,
                                          .floor = floor_of(stream, info),
                                          .arrival_floor_ms = arrival_floor(info)};
    char name[KFS_SHARD_DIR_MAX];
    int dir = local_stream_dir(stream);

    if (dir < 0)
        return kfs_fail(err, dir == -ENOENT ? EIO : -dir, "cannot open the directory of stream %s: %s", stream->name,
                        strerror(-dir));
    local_shard_dir(shard->index, name);
    int shard_dir = o->io->open(o->io->ctx, dir, name, KFS_OPEN_DIR);
    o->io->close(o->io->ctx, dir);
    if (shard_dir < 0)
        return kfs_fail(err, shard_dir == -ENOENT ? EIO : -shard_dir, "cannot open the directory of %s: %s", name,
                        strerror(-shard_dir));
    int rc = kfs_log_open(&config, shard_dir, &shard->log, err);
    if (rc != 0)
        return rc;
    atomic_fetch_add(&stream->store->open_logs, 1);
    struct kfs_error damage = {0};
    if (kfs_log_damage(shard->log, &damage) != 0)
        local_fault(stream, shard->index, &damage);
    if (kfs_log_dirty(shard->log) && !atomic_exchange(&shard->dirty, true))
        local_keeper_note(shard);
    return 0;
}

int local_shard_use(struct local_shard *shard, struct kfs_error *err)
{
    int rc = 0;

    (void)pthread_mutex_lock(&shard->lock);
    if (shard->log == NULL)
        rc = open_log(shard, err);
    if (rc == 0)
        shard->users++;
    (void)pthread_mutex_unlock(&shard->lock);
    return rc;
}

int local_shard_get(struct local_stream *stream, uint32_t index, struct local_shard **out, struct kfs_error *err)
{
    struct local_shard *shard = NULL;
    int rc = 0;

    (void)pthread_rwlock_rdlock(&stream->lock);
    const struct kfs_shard_info *info = kfs_topology_find(stream->topology.shards, stream->topology.n, index);
    if (stream->deleted || info == NULL)
        rc = kfs_fail_aws(err, ENOENT, "ResourceNotFoundException",
                          "Could not find shard " KFS_SHARD_ID_FORMAT " in stream %s under account %s.", index,
                          stream->name, stream->store->options.account);
    if (rc == 0) {
        shard = stream->shards[info - stream->topology.shards];
        rc = local_shard_use(shard, err);
    }
    (void)pthread_rwlock_unlock(&stream->lock);
    if (rc == 0)
        *out = shard;
    return rc;
}

void local_shard_put(struct local_shard *shard)
{
    const struct local_store *store = shard->stream->store;

    (void)pthread_mutex_lock(&shard->lock);
    if (--shard->users == 0) {
        shard->idle_since_ms = store->options.clock->mono_ms(store->options.clock->ctx);
        if (atomic_load(&store->open_logs) > OPEN_LOGS_MAX && !kfs_log_dirty(shard->log))
            (void)close_log(shard);
    }
    (void)pthread_mutex_unlock(&shard->lock);
}

void local_shard_close_idle(struct local_shard *shard)
{
    (void)pthread_mutex_lock(&shard->lock);
    if (shard->log != NULL && shard->users == 0 && !kfs_log_dirty(shard->log))
        (void)close_log(shard);
    (void)pthread_mutex_unlock(&shard->lock);
}

uint64_t local_shard_cutoff(const struct local_shard *shard)
{
    const struct local_stream *stream = shard->stream;
    uint64_t now = local_now_ms(stream->store);
    uint64_t kept = atomic_load(&stream->retention_hours) * HOUR_MS;

    return now > kept ? now - kept : 0;
}

int local_shard_trim(struct local_shard *shard, bool durable, struct kfs_error *err)
{
    const struct local_store *store = shard->stream->store;
    int rc = kfs_log_trim_age(shard->log, local_shard_cutoff(shard), durable, err);

    if (rc == 0 && store->options.retention_bytes > 0)
        rc = kfs_log_trim_size(shard->log, store->options.retention_bytes, err);
    return rc;
}

int local_shard_extent(struct kfs_stream *s, uint32_t index, struct kfs_extent *extent, struct kfs_error *err)
{
    struct local_stream *stream = (struct local_stream *)s;
    struct kfs_log_extent log;
    struct kfs_shard_info info;
    struct local_shard *shard;

    int rc = local_shard_info(s, index, &info, err);
    if (rc == 0)
        rc = local_shard_get(stream, index, &shard, err);
    if (rc != 0)
        return rc;
    if (kfs_log_has_expired(shard->log, local_shard_cutoff(shard)))
        (void)local_shard_trim(shard, false, NULL);
    kfs_log_extent(shard->log, &log);
    *extent = (struct kfs_extent){
        .start = log.horizon,
        .end = log.end,
        .first_record = log.first_record,
        .next_record = log.next_record,
        .last_arrival_ms = log.last_arrival_ms > 0 ? log.last_arrival_ms : info.created_ms,
        .closed = info.closed,
        .aggregates_from = log.aggregates_from,
    };
    if (log.next_record > 0)
        extent->last = log.last;
    local_shard_put(shard);
    return 0;
}
