/* The table of streams: finding, listing, creating and deleting them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/logger.h"
#include "backend/local/local_internal.h"
#include "backend/notedir.h"

#define RETENTION_HOURS_DEFAULT 24
#define NUMBERS_BACK_S 2
#define GENERATION_SHIFT 24 /* of the epoch in a generation; below it streams are counted */

/* A reference; NULL. */
static struct local_stream *find_stream(struct local_store *store, const char *name)
{
    (void)pthread_mutex_lock(&store->lock);
    struct local_stream *stream = kfs_names_find(&store->streams, name);
    if (stream != NULL)
        atomic_fetch_add(&stream->refs, 1);
    (void)pthread_mutex_unlock(&store->lock);
    return stream;
}

void local_stream_unref(struct local_stream *stream)
{
    if (atomic_fetch_sub(&stream->refs, 1) == 1)
        local_stream_free(stream);
}

int local_stream_open(struct kfs_backend *b, const char *name, struct kfs_stream **out, struct kfs_error *err)
{
    struct local_stream *stream = find_stream((struct local_store *)b, name);

    if (stream == NULL)
        return kfs_fail_aws(err, ENOENT, "ResourceNotFoundException", "Stream %s under account %s not found.", name,
                            ((struct local_store *)b)->options.account);
    *out = &stream->base;
    return 0;
}

void local_stream_close(struct kfs_stream *s)
{
    local_stream_unref((struct local_stream *)s);
}

int local_stream_list(struct kfs_backend *b, kfs_stream_visit *visit, void *arg, struct kfs_error *err)
{
    struct local_store *store = (struct local_store *)b;
    int rc = 0;

    (void)pthread_mutex_lock(&store->lock);
    size_t n = store->streams.n;
    char(*names)[KFS_STREAM_NAME_MAX + 1] = calloc(n + 1, sizeof *names);
    for (size_t i = 0; names != NULL && i < n; i++)
        (void)snprintf(names[i], sizeof names[i], "%s", store->streams.entries[i].name);
    (void)pthread_mutex_unlock(&store->lock);
    if (names == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = visit(arg, names[i]);
    free(names);
    return rc;
}

/* ---- creating ---- */

/* Numbers and times of the first shards; the numbers of the shards' records are above `starting`. As the
 * service has it, their creation in numbers lies two seconds back. */
static void date_shards(struct kfs_topology *topology, uint64_t now_ms)
{
    const uint64_t second = now_ms / 1000 > NUMBERS_BACK_S ? now_ms / 1000 - NUMBERS_BACK_S : 0;

    for (size_t i = 0; i < topology->n; i++) {
        struct kfs_shard_info *shard = &topology->shards[i];
        shard->created_ms = now_ms;
        shard->starting =
            kfs_seq_make(&(struct kfs_seq_parts){.created_s = second, .time_s = second, .shard = shard->index});
    }
}

/* Makes the stream's directory and everything in it, durable. The directory's own name is not. */
static int make_files(struct local_store *store, int dir, const struct local_manifest *m,
                      const struct kfs_stream_spec *spec, struct kfs_error *err)
{
    const struct kfs_io *io = store->options.io;
    char name[KFS_SHARD_DIR_MAX];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < m->topology.n; i++) {
        local_shard_dir(m->topology.shards[i].index, name);
        rc = io->mkdir(io->ctx, dir, name);
        if (rc == -EEXIST)
            rc = 0;
    }
    if (rc != 0)
        return kfs_fail(err, -rc, "cannot make a shard's directory: %s", strerror(-rc));
    rc = kfs_notedir_make(io, dir, spec->note, spec->note_text);
    if (rc != 0)
        return kfs_fail(err, -rc, "cannot write the stream's note: %s", strerror(-rc));
    if (spec->n_tags > 0)
        rc = kfs_notedir_set(io, dir, KFS_NOTE_TAGS, spec->tags_note, err);
    return rc == 0 ? local_manifest_save(io, dir, m, err) : rc;
}

/* Whether a directory is what a crash or a failed attempt of this process has left: without
 * the file `stream`, or with one of now. In any other there may be records. */
static bool is_left_over(struct local_store *store, int dir)
{
    struct local_manifest m;
    int rc = local_manifest_load(store->options.io, dir, &m, NULL);

    if (rc != 0)
        return rc == -ENOENT;
    local_manifest_release(&m);
    return m.generation >> GENERATION_SHIFT == store->epoch;
}

static int make_stream(struct local_store *store, struct local_manifest *m, const struct kfs_stream_spec *spec,
                       struct kfs_error *err)
{
    const struct kfs_io *io = store->options.io;
    int rc = io->mkdir(io->ctx, store->streams_dir, m->name);
    bool exists_already = rc == -EEXIST;

    if (rc != 0 && !exists_already)
        return kfs_fail(err, -rc, "cannot make the stream's directory: %s", strerror(-rc));
    int dir = io->open(io->ctx, store->streams_dir, m->name, KFS_OPEN_DIR);
    if (dir < 0)
        return kfs_fail(err, -dir, "cannot open the stream's directory: %s", strerror(-dir));
    if (exists_already && !is_left_over(store, dir))
        rc = kfs_fail(err, EIO,
                      "the directory of a stream %s that could not be loaded is in the way; run fsck.kinesisfs on the "
                      "store",
                      m->name);
    else
        rc = make_files(store, dir, m, spec, err);
    io->close(io->ctx, dir);
    if (rc != 0)
        return rc;
    rc = io->sync_dir(io->ctx, store->streams_dir);
    return rc == 0 ? 0 : kfs_fail(err, -rc, "cannot sync the store's directory: %s", strerror(-rc));
}

/* Whether a stream is there. Takes store.lock. */
static bool exists(struct local_store *store, const char *name)
{
    (void)pthread_mutex_lock(&store->lock);
    bool found = kfs_names_find(&store->streams, name) != NULL;
    (void)pthread_mutex_unlock(&store->lock);
    return found;
}

/* Makes the stream's object and puts it into the table. */
static int add_stream(struct local_store *store, struct local_manifest *m)
{
    struct local_stream *stream = local_stream_new(store, m);

    if (stream == NULL)
        return -ENOMEM;
    (void)pthread_mutex_lock(&store->lock);
    int rc = kfs_names_add(&store->streams, stream->name, stream);
    (void)pthread_mutex_unlock(&store->lock);
    if (rc != 0)
        local_stream_free(stream);
    return rc;
}

/* Under store.changes. */
static int create_locked(struct local_store *store, const char *name, const struct kfs_stream_spec *spec,
                         struct kfs_error *err)
{
    struct local_manifest m = {
        .settings = {.retention_hours = spec->retention_hours, .max_record_bytes = spec->max_record_bytes}};

    if (exists(store, name))
        return kfs_fail_aws(err, EEXIST, "ResourceInUseException", "Stream %s under account %s already exists.", name,
                            store->options.account);
    (void)snprintf(m.name, sizeof m.name, "%s", name);
    m.created_ms = local_now_ms(store);
    m.generation = store->epoch << GENERATION_SHIFT | (++store->generations & 0xffffff);
    if (m.settings.retention_hours == 0)
        m.settings.retention_hours = RETENTION_HOURS_DEFAULT;
    if (m.settings.max_record_bytes == 0)
        m.settings.max_record_bytes = KFS_RECORD_BYTES_DEFAULT;
    m.topology.stream = m.name;
    m.topology.account = store->options.account;
    int rc = kfs_topology_init(&m.topology, NULL, 0, 0);
    if (rc == 0)
        rc = kfs_topology_create(&m.topology, spec->shards, err);
    if (rc == 0) {
        date_shards(&m.topology, m.created_ms);
        rc = make_stream(store, &m, spec, err);
    }
    if (rc == 0)
        rc = add_stream(store, &m);
    local_manifest_release(&m);
    return rc;
}

int local_stream_create(struct kfs_backend *b, const char *name, const struct kfs_stream_spec *spec,
                        struct kfs_error *err)
{
    struct local_store *store = (struct local_store *)b;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return kfs_fail_aws(err, EINVAL, "InvalidArgumentException", "a local store cannot hold a stream named %s",
                            name);
    (void)pthread_mutex_lock(&store->changes);
    int rc = create_locked(store, name, spec, err);
    (void)pthread_mutex_unlock(&store->changes);
    return rc;
}

/* ---- deleting ---- */

struct removal {
    const struct kfs_io *io;
    int dir;
};

static int remove_file(void *arg, const char *name)
{
    const struct removal *r = arg;

    (void)r->io->unlink(r->io->ctx, r->dir, name);
    return 0;
}

/* A shard's directory, or a file of the stream's. */
static int remove_member(void *arg, const char *name)
{
    const struct removal *r = arg;
    int dir = r->io->open(r->io->ctx, r->dir, name, KFS_OPEN_DIR);

    if (dir < 0)
        return remove_file(arg, name);
    struct removal inner = {r->io, dir};
    (void)r->io->list(r->io->ctx, dir, remove_file, &inner);
    r->io->close(r->io->ctx, dir);
    (void)r->io->rmdir(r->io->ctx, r->dir, name);
    return 0;
}

static int remove_stream(void *arg, const char *name)
{
    const struct removal *r = arg;
    int dir = r->io->open(r->io->ctx, r->dir, name, KFS_OPEN_DIR);

    if (dir < 0)
        return 0;
    struct removal inner = {r->io, dir};
    (void)r->io->list(r->io->ctx, dir, remove_member, &inner);
    r->io->close(r->io->ctx, dir);
    (void)r->io->rmdir(r->io->ctx, r->dir, name);
    return 0;
}

void local_sweep_deleted(const struct kfs_io *io, int dir)
{
    struct removal r = {io, io->open(io->ctx, dir, "deleted", KFS_OPEN_DIR)};

    if (r.dir < 0)
        return;
    (void)io->list(io->ctx, r.dir, remove_stream, &r);
    io->close(io->ctx, r.dir);
}

/* Moves the stream's directory to deleted/ID: from here on it is gone. */
static int move_away(struct local_store *store, const struct local_stream *stream)
{
    const struct kfs_io *io = store->options.io;
    char name[32];
    int dir = kfs_io_make_dir(io, store->dir, "deleted");

    if (dir < 0)
        return dir;
    (void)snprintf(name, sizeof name, "%" PRIx64, stream->generation);
    int rc = io->rename(io->ctx, store->streams_dir, stream->name, dir, name);
    if (rc == 0)
        rc = io->sync_dir(io->ctx, store->streams_dir);
    io->close(io->ctx, dir);
    return rc;
}

/* Takes the stream out of the table. False where it is not there, or another of its name is. */
static bool take_out(struct local_store *store, struct local_stream *stream)
{
    (void)pthread_mutex_lock(&store->lock);
    bool found = kfs_names_remove(&store->streams, stream->name, stream);
    if (found)
        atomic_fetch_sub(&stream->refs, 1); /* the table's; the caller still has one */
    (void)pthread_mutex_unlock(&store->lock);
    return found;
}

int local_stream_delete(struct kfs_stream *s, struct kfs_error *err)
{
    struct local_stream *stream = (struct local_stream *)s;
    struct local_store *store = stream->store;
    int rc = 0;

    (void)pthread_mutex_lock(&store->changes);
    (void)pthread_rwlock_wrlock(&stream->lock);
    if (stream->deleted)
        rc = kfs_fail_aws(err, ENOENT, "ResourceNotFoundException", "Stream %s under account %s not found.",
                          stream->name, store->options.account);
    else
        rc = move_away(store, stream);
    if (rc == 0)
        stream->deleted = true;
    else if (rc != -ENOENT)
        (void)kfs_fail(err, -rc, "cannot delete stream %s: %s", stream->name, strerror(-rc));
    (void)pthread_rwlock_unlock(&stream->lock);
    if (rc == 0)
        (void)take_out(store, stream);
    (void)pthread_mutex_unlock(&store->changes);
    if (rc == 0) {
        local_stream_wake(stream, KFS_NO_SHARD, KFS_EVENT_DELETED);
        local_sweep_deleted(store->options.io, store->dir);
    }
    return rc;
}

/* ---- opening the store ---- */

struct loading {
    struct local_store *store;
    struct kfs_error *err;
};

/* A stream that cannot be loaded is left alone and said; the others are served. */
static int load_stream(void *arg, const char *name)
{
    struct loading *l = arg;
    struct local_store *store = l->store;
    const struct kfs_io *io = store->options.io;
    struct kfs_error err = {0};
    struct local_manifest m;

    int dir = io->open(io->ctx, store->streams_dir, name, KFS_OPEN_DIR);
    if (dir < 0)
        return 0;
    int rc = local_manifest_load(io, dir, &m, &err);
    io->close(io->ctx, dir);
    if (rc == 0 && strcmp(m.name, name) != 0)
        rc = kfs_fail(&err, EIO, "the file stream is of a stream named %s", m.name);
    if (rc != 0) {
        kfs_log(KFS_LOG_ERROR, "stream %s: %s", name, err.text);
        if (m.topology.shards != NULL)
            local_manifest_release(&m);
        return 0;
    }
    rc = add_stream(store, &m);
    local_manifest_release(&m);
    return rc;
}

int local_load_streams(struct local_store *store, struct kfs_error *err)
{
    const struct kfs_io *io = store->options.io;
    struct loading l = {store, err};

    store->streams_dir = kfs_io_make_dir(io, store->dir, "streams");
    if (store->streams_dir < 0)
        return kfs_fail(err, -store->streams_dir, "cannot make or open the directory streams: %s",
                        strerror(-store->streams_dir));
    local_sweep_deleted(io, store->dir);
    int rc = io->list(io->ctx, store->streams_dir, load_stream, &l);
    return rc == 0 ? 0 : kfs_fail(err, -rc, "cannot load the streams: %s", strerror(-rc));
}

void local_free_streams(struct local_store *store)
{
    for (size_t i = 0; i < store->streams.n; i++)
        local_stream_free(store->streams.entries[i].item);
    kfs_names_release(&store->streams);
}
