/* One stream: its settings, its shards and how they change, and who is told. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/local/local_internal.h"

static int by_start(const void *a, const void *b)
{
    const struct kfs_shard_info *x = *(const struct kfs_shard_info *const *)a;
    const struct kfs_shard_info *y = *(const struct kfs_shard_info *const *)b;

    return (x->range.start > y->range.start) - (x->range.start < y->range.start);
}

/* The open shards in order of their ranges. Under the stream's lock, or before it is shared. */
static int make_routes(struct local_stream *stream)
{
    const struct kfs_topology *t = &stream->topology;
    const struct kfs_shard_info **routes = calloc(t->n + 1, sizeof *routes);
    size_t n = 0;

    if (routes == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < t->n; i++) {
        if (!t->shards[i].closed)
            routes[n++] = &t->shards[i];
    }
    qsort(routes, n, sizeof *routes, by_start);
    free(stream->routes);
    stream->routes = routes;
    stream->n_routes = n;
    return 0;
}

/* Makes shard objects for those of the topology that have none. */
static int add_shards(struct local_stream *stream)
{
    size_t n = stream->topology.n;
    struct local_shard **shards = realloc(stream->shards, (n + 1) * sizeof(struct local_shard *));

    if (shards == NULL)
        return -ENOMEM;
    stream->shards = shards;
    while (stream->n_shards < n) {
        struct local_shard *shard = local_shard_new(stream, stream->topology.shards[stream->n_shards].index);
        if (shard == NULL)
            return -ENOMEM;
        stream->shards[stream->n_shards++] = shard;
    }
    return 0;
}

struct local_stream *local_stream_new(struct local_store *store, struct local_manifest *m)
{
    struct local_stream *stream = calloc(1, sizeof *stream);
    pthread_rwlockattr_t attr;

    if (stream == NULL)
        return NULL;
    stream->base.backend = &store->base;
    stream->store = store;
    (void)snprintf(stream->name, sizeof stream->name, "%s", m->name);
    (void)snprintf(stream->arn, sizeof stream->arn, "arn:aws:kinesis:%s:%s:stream/%s", store->options.region,
                   store->options.account, stream->name);
    stream->generation = m->generation;
    stream->created_ms = m->created_ms;
    stream->settings = m->settings;
    atomic_init(&stream->refs, 1);
    atomic_init(&stream->retention_hours, m->settings.retention_hours);
    (void)pthread_rwlockattr_init(&attr);
    (void)pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    (void)pthread_rwlock_init(&stream->lock, &attr);
    (void)pthread_rwlockattr_destroy(&attr);
    (void)pthread_mutex_init(&stream->watch_lock, NULL);
    atomic_init(&stream->n_watches, 0);
    if (kfs_topology_init(&stream->topology, m->topology.shards, m->topology.n, m->topology.next_index) != 0 ||
        add_shards(stream) != 0 || make_routes(stream) != 0) {
        local_stream_free(stream);
        return NULL;
    }
    stream->topology.stream = stream->name;
    stream->topology.account = store->options.account;
    return stream;
}

void local_stream_free(struct local_stream *stream)
{
    for (size_t i = 0; i < stream->n_shards; i++)
        local_shard_free(stream->shards[i]);
    free(stream->shards);
    free(stream->routes);
    kfs_topology_release(&stream->topology);
    (void)pthread_rwlock_destroy(&stream->lock);
    (void)pthread_mutex_destroy(&stream->watch_lock);
    free(stream);
}

int local_stream_dir(struct local_stream *stream)
{
    const struct kfs_io *io = stream->store->options.io;

    return io->open(io->ctx, stream->store->streams_dir, stream->name, KFS_OPEN_DIR);
}

static int deleted(const struct local_stream *stream, struct kfs_error *err)
{
    return kfs_fail_aws(err, ENOENT, "ResourceNotFoundException", "Stream %s under account %s not found.", stream->name,
                        stream->store->options.account);
}

int local_stream_info(struct kfs_stream *s, struct kfs_stream_info *info, struct kfs_error *err)
{
    struct local_stream *stream = (struct local_stream *)s;
    int rc = 0;

    (void)pthread_rwlock_rdlock(&stream->lock);
    if (stream->deleted) {
        rc = deleted(stream, err);
    } else {
        *info = (struct kfs_stream_info){
            .status = KFS_ACTIVE,
            .open_shards = (uint32_t)stream->n_routes,
            .retention_hours = stream->settings.retention_hours,
            .max_record_bytes = stream->settings.max_record_bytes,
            .created_ms = stream->created_ms,
            .generation = stream->generation,
        };
        memcpy(info->name, stream->name, sizeof info->name);
        memcpy(info->arn, stream->arn, sizeof info->arn);
    }
    (void)pthread_rwlock_unlock(&stream->lock);
    return rc;
}

/* ---- changes ---- */

/* Writes the manifest as it will be. Under the stream's write lock. */
static int save(struct local_stream *stream, const struct kfs_topology *topology, const struct local_settings *settings,
                struct kfs_error *err)
{
    const struct kfs_io *io = stream->store->options.io;
    struct local_manifest m = {.generation = stream->generation,
                               .created_ms = stream->created_ms,
                               .settings = *settings,
                               .topology = *topology}; /* borrowed */
    char name[KFS_SHARD_DIR_MAX];
    int dir = local_stream_dir(stream);
    int rc = dir < 0 ? dir : 0;

    (void)snprintf(m.name, sizeof m.name, "%s", stream->name);
    for (size_t i = stream->topology.n; rc == 0 && i < topology->n; i++) {
        local_shard_dir(topology->shards[i].index, name);
        rc = io->mkdir(io->ctx, dir, name);
        if (rc == -EEXIST)
            rc = 0;
    }
    if (rc != 0)
        rc = kfs_fail(err, -rc, "cannot change stream %s: %s", stream->name, strerror(-rc));
    else
        rc = local_manifest_save(io, dir, &m, err);
    if (dir >= 0)
        io->close(io->ctx, dir);
    return rc;
}

int local_stream_update(struct kfs_stream *s, const struct kfs_stream_change *change, struct kfs_error *err)
{
    struct local_stream *stream = (struct local_stream *)s;
    struct local_settings settings;
    int rc = 0;

    (void)pthread_rwlock_wrlock(&stream->lock);
    settings = stream->settings;
    if (change->retention_hours != 0)
        settings.retention_hours = change->retention_hours;
    if (change->max_record_bytes != 0)
        settings.max_record_bytes = change->max_record_bytes;
    if (stream->deleted)
        rc = deleted(stream, err);
    /* A longer retention must not bring back what is past the shorter one. */
    for (size_t i = 0; rc == 0 && settings.retention_hours > stream->settings.retention_hours && i < stream->n_shards;
         i++) {
        rc = local_shard_use(stream->shards[i], err);
        if (rc == 0) {
            rc = local_shard_trim(stream->shards[i], true, err);
            local_shard_put(stream->shards[i]);
        }
    }
    if (rc == 0)
        rc = save(stream, &stream->topology, &settings, err);
    if (rc == 0) {
        stream->settings = settings;
        atomic_store(&stream->retention_hours, settings.retention_hours);
    }
    (void)pthread_rwlock_unlock(&stream->lock);
    if (rc == 0)
        local_stream_wake(stream, KFS_NO_SHARD, KFS_EVENT_SHARDS);
    return rc;
}

/* When a shard that a plan opens comes to be: not before its parents closed. */
static void date_opened(const struct kfs_topology *t, struct kfs_shard_info *shard, uint64_t now_ms)
{
    const uint32_t parents[2] = {shard->parent, shard->adjacent_parent};
    uint64_t second = 0;

    shard->created_ms = now_ms;
    for (size_t i = 0; i < 2; i++) {
        const struct kfs_shard_info *parent = kfs_topology_find(t->shards, t->n, parents[i]);
        struct kfs_seq_parts parts = {0};
        if (parent == NULL)
            continue;
        if (shard->created_ms < parent->closed_ms)
            shard->created_ms = parent->closed_ms;
        /* Its records get greater numbers than its parents': the second in them is later, at least the
         * one after they closed. */
        (void)kfs_seq_split(&parent->starting, &parts);
        if (second <= parts.created_s)
            second = parts.created_s + 1;
    }
    if (second <= shard->created_ms / 1000)
        second = shard->created_ms / 1000 + 1;
    shard->starting =
        kfs_seq_make(&(struct kfs_seq_parts){.created_s = second, .time_s = second, .shard = shard->index});
}

static bool closes(const struct kfs_shard_info *shard)
{
    return shard->closed && kfs_seq_is_none(&shard->ending);
}

static void date_closed(struct kfs_shard_info *shard, uint64_t closed_ms)
{
    struct kfs_seq_parts parts = {0};

    (void)kfs_seq_split(&shard->starting, &parts);
    shard->closed_ms = closed_ms > shard->created_ms ? closed_ms : shard->created_ms;
    shard->ending = kfs_seq_make(&(struct kfs_seq_parts){.created_s = parts.created_s,
                                                         .position = KFS_SEQ_POSITION_MAX,
                                                         .time_s = shard->closed_ms / 1000,
                                                         .shard = shard->index});
}

/* Fills in numbers and times of the shards that a plan opens and closes. Those that it closes do so all at once,
 * and not before their last record arrived: else a time would have no shard for some keys. Under the stream's
 * write lock. */
static int date_plan(struct local_stream *stream, struct kfs_topology *t, struct kfs_error *err)
{
    const uint64_t now_ms = local_now_ms(stream->store);
    uint64_t closed_ms = now_ms;

    for (size_t i = 0; i < stream->n_shards; i++) {
        struct kfs_log_extent extent;
        if (!closes(&t->shards[i]))
            continue;
        int rc = local_shard_use(stream->shards[i], err);
        if (rc != 0)
            return rc;
        kfs_log_extent(stream->shards[i]->log, &extent);
        local_shard_put(stream->shards[i]);
        closed_ms = extent.last_arrival_ms > closed_ms ? extent.last_arrival_ms : closed_ms;
        closed_ms = t->shards[i].created_ms > closed_ms ? t->shards[i].created_ms : closed_ms;
    }
    for (size_t i = 0; i < t->n; i++) {
        if (i >= stream->n_shards)
            date_opened(t, &t->shards[i], now_ms);
        if (closes(&t->shards[i]))
            date_closed(&t->shards[i], closed_ms);
    }
    return 0;
}

/* Makes a plan the stream's topology: manifest first, which is the point of no return. */
static int commit(struct local_stream *stream, struct kfs_topology *plan, struct kfs_error *err)
{
    int rc = date_plan(stream, plan, err);
    if (rc == 0)
        rc = save(stream, plan, &stream->settings, err);
    if (rc != 0)
        return rc;
    struct kfs_topology old = stream->topology;
    stream->topology = *plan;
    *plan = old;
    rc = add_shards(stream);
    if (rc == 0)
        rc = make_routes(stream);
    if (rc == 0)
        return 0;
    stream->n_routes = 0; /* the old ones point into the old topology */
    return kfs_fail(err, ENOMEM, "out of memory; the change is made, mount again to see it");
}

enum change { RESIZE, SPLIT, MERGE };

struct change_args {
    enum change kind;
    uint32_t shard; /* or the target count */
    uint32_t adjacent;
    kfs_hash start;
};

static int change_topology(struct kfs_stream *s, const struct change_args *args, struct kfs_error *err)
{
    struct local_stream *stream = (struct local_stream *)s;
    struct kfs_topology plan = {.stream = stream->name, .account = stream->store->options.account};
    int rc;

    (void)pthread_rwlock_wrlock(&stream->lock);
    if (stream->deleted)
        rc = deleted(stream, err);
    else
        rc = kfs_topology_init(&plan, stream->topology.shards, stream->topology.n, stream->topology.next_index);
    if (rc == 0) {
        plan.stream = stream->name;
        plan.account = stream->store->options.account;
        if (args->kind == RESIZE)
            rc = kfs_topology_resize(&plan, args->shard, err);
        else if (args->kind == SPLIT)
            rc = kfs_topology_split(&plan, args->shard, args->start, err);
        else
            rc = kfs_topology_merge(&plan, args->shard, args->adjacent, err);
        if (rc == 0)
            rc = commit(stream, &plan, err);
        kfs_topology_release(&plan);
    }
    (void)pthread_rwlock_unlock(&stream->lock);
    if (rc == 0)
        local_stream_wake(stream, KFS_NO_SHARD, KFS_EVENT_SHARDS);
    return rc;
}

int local_stream_resize(struct kfs_stream *s, uint32_t target, struct kfs_error *err)
{
    return change_topology(s, &(struct change_args){.kind = RESIZE, .shard = target}, err);
}

int local_shard_split(struct kfs_stream *s, uint32_t index, kfs_hash start, struct kfs_error *err)
{
    return change_topology(s, &(struct change_args){.kind = SPLIT, .shard = index, .start = start}, err);
}

int local_shard_merge(struct kfs_stream *s, uint32_t index, uint32_t adjacent, struct kfs_error *err)
{
    return change_topology(s, &(struct change_args){.kind = MERGE, .shard = index, .adjacent = adjacent}, err);
}

/* ---- shards ---- */

int local_shard_list(struct kfs_stream *s, struct kfs_shard_info **out, size_t *n, struct kfs_error *err)
{
    struct local_stream *stream = (struct local_stream *)s;
    struct kfs_shard_info *shards = NULL;
    int rc = 0;

    (void)pthread_rwlock_rdlock(&stream->lock);
    if (stream->deleted) {
        rc = deleted(stream, err);
    } else {
        shards = calloc(stream->topology.n + 1, sizeof *shards);
        if (shards == NULL)
            rc = kfs_fail(err, ENOMEM, "out of memory");
    }
    if (shards != NULL) {
        memcpy(shards, stream->topology.shards, stream->topology.n * sizeof *shards);
        *out = shards;
        *n = stream->topology.n;
    }
    (void)pthread_rwlock_unlock(&stream->lock);
    return rc;
}

int local_shard_info(struct kfs_stream *s, uint32_t index, struct kfs_shard_info *info, struct kfs_error *err)
{
    struct local_stream *stream = (struct local_stream *)s;
    int rc = 0;

    (void)pthread_rwlock_rdlock(&stream->lock);
    const struct kfs_shard_info *found = kfs_topology_find(stream->topology.shards, stream->topology.n, index);
    if (stream->deleted)
        rc = deleted(stream, err);
    else if (found == NULL)
        rc = kfs_fail_aws(err, ENOENT, "ResourceNotFoundException",
                          "Could not find shard " KFS_SHARD_ID_FORMAT " in stream %s under account %s.", index,
                          stream->name, stream->store->options.account);
    else
        *info = *found;
    (void)pthread_rwlock_unlock(&stream->lock);
    return rc;
}

/* ---- being told ---- */

void local_stream_wake(struct local_stream *stream, uint32_t shard, enum kfs_event event)
{
    if (atomic_load(&stream->n_watches) == 0)
        return;
    (void)pthread_mutex_lock(&stream->watch_lock);
    for (struct kfs_watch *w = stream->watches; w != NULL; w = w->next)
        w->wake(w, shard, event);
    (void)pthread_mutex_unlock(&stream->watch_lock);
}

void local_watch(struct kfs_stream *s, struct kfs_watch *watch)
{
    struct local_stream *stream = (struct local_stream *)s;

    (void)pthread_mutex_lock(&stream->watch_lock);
    watch->next = stream->watches;
    stream->watches = watch;
    atomic_fetch_add(&stream->n_watches, 1);
    (void)pthread_mutex_unlock(&stream->watch_lock);
}

void local_unwatch(struct kfs_stream *s, struct kfs_watch *watch)
{
    struct local_stream *stream = (struct local_stream *)s;

    (void)pthread_mutex_lock(&stream->watch_lock);
    for (struct kfs_watch **at = &stream->watches; *at != NULL; at = &(*at)->next) {
        if (*at == watch) {
            *at = watch->next;
            atomic_fetch_sub(&stream->n_watches, 1);
            break;
        }
    }
    (void)pthread_mutex_unlock(&stream->watch_lock);
}

void local_fault(struct local_stream *stream, uint32_t shard, const struct kfs_error *err)
{
    const struct kfs_backend *b = &stream->store->base;

    if (b->fault != NULL)
        b->fault(b->fault_arg, stream->name, shard, err);
}
