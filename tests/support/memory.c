#include "tests/support/memory.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/memory_store.h"

void *memory_alloc(void *old, size_t n, size_t size)
{
    void *got = reallocarray(old, n > 0 ? n : 1, size);

    if (got == NULL)
        abort();
    return got;
}

static struct memory_stream *stream_of(struct kfs_stream *ref)
{
    return ((struct memory_ref *)ref)->stream;
}

int memory_enter(struct kfs_stream *ref, struct memory_stream **entered, struct kfs_error *err)
{
    struct memory_stream *s = stream_of(ref);

    pthread_mutex_lock(&s->backend->lock);
    *entered = s;
    if (s->deleted)
        return kfs_fail_aws(err, ENOENT, "ResourceNotFoundException", "stream %s was deleted", s->info.name);
    memory_trim(s);
    return 0;
}

void memory_leave(struct memory_stream *stream)
{
    pthread_mutex_unlock(&stream->backend->lock);
}

/* ---- streams ---- */

/* The place of a name in the sorted array, and whether it is there. */
static bool search(const struct memory_backend *b, const char *name, size_t *place)
{
    size_t i = 0;

    while (i < b->n && strcmp(b->streams[i]->info.name, name) < 0)
        i++;
    *place = i;
    return i < b->n && strcmp(b->streams[i]->info.name, name) == 0;
}

static int stream_list(struct kfs_backend *base, kfs_stream_visit *visit, void *arg, struct kfs_error *err)
{
    struct memory_backend *b = (struct memory_backend *)base;
    char(*names)[KFS_STREAM_NAME_MAX + 1];
    size_t n;
    int rc = 0;

    (void)err;
    /* visit is called without the lock, so that it may call anything. */
    pthread_mutex_lock(&b->lock);
    n = b->n;
    names = memory_alloc(NULL, n, sizeof *names);
    for (size_t i = 0; i < n; i++)
        memcpy(names[i], b->streams[i]->info.name, sizeof names[i]);
    pthread_mutex_unlock(&b->lock);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = visit(arg, names[i]);
    free(names);
    return rc;
}

static int stream_create(struct kfs_backend *base, const char *name, const struct kfs_stream_spec *spec,
                         struct kfs_error *err)
{
    struct memory_backend *b = (struct memory_backend *)base;
    struct memory_stream *s;
    size_t place;

    pthread_mutex_lock(&b->lock);
    if (search(b, name, &place)) {
        pthread_mutex_unlock(&b->lock);
        return kfs_fail_aws(err, EEXIST, "ResourceInUseException", "Stream %s under account %s already exists.", name,
                            MEMORY_ACCOUNT);
    }
    s = memory_alloc(NULL, 1, sizeof *s);
    *s = (struct memory_stream){.backend = b};
    (void)snprintf(s->info.name, sizeof s->info.name, "%s", name);
    (void)snprintf(s->info.arn, sizeof s->info.arn, "arn:aws:kinesis:local:%s:stream/%s", MEMORY_ACCOUNT, name);
    s->info.status = KFS_ACTIVE;
    s->info.retention_hours = spec->retention_hours;
    s->info.max_record_bytes = spec->max_record_bytes;
    s->info.created_ms = b->clock->wall_ms(b->clock->ctx);
    s->info.generation = ++b->generations;
    memory_create_shards(s, spec->shards);
    if (spec->note != NULL)
        memory_put_note(&s->notes, spec->note, spec->note_text);
    memory_put_note(&s->notes, KFS_NOTE_TAGS, spec->tags_note);

    b->streams = memory_alloc(b->streams, b->n + 1, sizeof *b->streams);
    memmove(&b->streams[place + 1], &b->streams[place], (b->n - place) * sizeof(struct memory_stream *));
    b->streams[place] = s;
    b->n++;
    pthread_mutex_unlock(&b->lock);
    return 0;
}

static int stream_open(struct kfs_backend *base, const char *name, struct kfs_stream **stream, struct kfs_error *err)
{
    struct memory_backend *b = (struct memory_backend *)base;
    struct memory_ref *ref = NULL;
    size_t place;

    pthread_mutex_lock(&b->lock);
    if (search(b, name, &place)) {
        ref = memory_alloc(NULL, 1, sizeof *ref);
        *ref = (struct memory_ref){{base}, b->streams[place]};
        ref->stream->references++;
    }
    pthread_mutex_unlock(&b->lock);
    if (ref == NULL)
        return kfs_fail_aws(err, ENOENT, "ResourceNotFoundException", "Stream %s under account %s not found.", name,
                            MEMORY_ACCOUNT);
    *stream = &ref->base;
    return 0;
}

static void stream_free(struct memory_stream *s)
{
    assert(s->references == 0 && s->watches == NULL);
    memory_drop_shards(s);
    memory_drop_notes(&s->notes);
    free(s);
}

static void stream_close(struct kfs_stream *ref)
{
    struct memory_stream *s = stream_of(ref);
    struct memory_backend *b = s->backend;

    pthread_mutex_lock(&b->lock);
    assert(s->references > 0);
    s->references--;
    if (s->references == 0 && s->deleted) {
        b->deleted_streams--;
        stream_free(s);
    }
    pthread_mutex_unlock(&b->lock);
    free(ref);
}

static int stream_delete(struct kfs_stream *ref, struct kfs_error *err)
{
    struct memory_stream *s;
    struct memory_backend *b;
    size_t place;
    int rc = memory_enter(ref, &s, err);

    if (rc == 0) {
        b = s->backend;
        assert(search(b, s->info.name, &place) && b->streams[place] == s);
        b->n--;
        memmove(&b->streams[place], &b->streams[place + 1], (b->n - place) * sizeof(struct memory_stream *));
        s->deleted = true;
        b->deleted_streams++;
        memory_drop_shards(s);
        memory_drop_notes(&s->notes);
    }
    memory_leave(s);
    if (rc == 0)
        memory_tell(s, KFS_NO_SHARD, KFS_EVENT_DELETED);
    return rc;
}

static int stream_info(struct kfs_stream *ref, struct kfs_stream_info *info, struct kfs_error *err)
{
    struct memory_stream *s;
    int rc = memory_enter(ref, &s, err);

    if (rc == 0) {
        *info = s->info;
        info->open_shards = 0;
        for (size_t i = 0; i < s->n; i++)
            info->open_shards += s->shards[i].info.closed ? 0U : 1U;
    }
    memory_leave(s);
    return rc;
}

static int stream_update(struct kfs_stream *ref, const struct kfs_stream_change *change, struct kfs_error *err)
{
    struct memory_stream *s;
    int rc = memory_enter(ref, &s, err);

    if (rc == 0) {
        if (change->retention_hours != 0)
            s->info.retention_hours = change->retention_hours;
        if (change->max_record_bytes != 0)
            s->info.max_record_bytes = change->max_record_bytes;
    }
    memory_leave(s);
    if (rc == 0)
        memory_tell(s, KFS_NO_SHARD, KFS_EVENT_SHARDS);
    return rc;
}

/* ---- being told ---- */

void memory_tell(struct memory_stream *s, uint32_t shard, enum kfs_event event)
{
    pthread_mutex_lock(&s->backend->watch_lock);
    for (struct kfs_watch *w = s->watches; w != NULL; w = w->next)
        w->wake(w, shard, event);
    pthread_mutex_unlock(&s->backend->watch_lock);
}

static void watch_add(struct kfs_stream *ref, struct kfs_watch *watch)
{
    struct memory_stream *s = stream_of(ref);

    pthread_mutex_lock(&s->backend->watch_lock);
    watch->next = s->watches;
    s->watches = watch;
    pthread_mutex_unlock(&s->backend->watch_lock);
}

static void watch_remove(struct kfs_stream *ref, struct kfs_watch *watch)
{
    struct memory_stream *s = stream_of(ref);
    struct kfs_watch **at = &s->watches;

    pthread_mutex_lock(&s->backend->watch_lock);
    while (*at != NULL && *at != watch)
        at = &(*at)->next;
    assert(*at == watch);
    *at = watch->next;
    pthread_mutex_unlock(&s->backend->watch_lock);
}

/* Nothing is ever unsafe here: what is stored dies with the process. */
static void sync_now(struct kfs_stream *ref, uint32_t shard, struct kfs_sync *op)
{
    struct memory_stream *s;
    int rc = memory_enter(ref, &s, NULL);

    if (rc == 0 && shard != KFS_NO_SHARD && memory_find(s, shard, NULL) == NULL)
        rc = -ENOENT;
    memory_leave(s);
    op->done(op, rc);
}

/* ---- the backend as a whole ---- */

static int space(struct kfs_backend *base, struct kfs_space *got, struct kfs_error *err)
{
    (void)base;
    (void)err;
    *got = (struct kfs_space){.total_bytes = 1U << 30, .free_bytes = 1U << 29, .total_files = 1000, .free_files = 500};
    return 0;
}

static int status(struct kfs_backend *base, struct kfs_buf *json)
{
    struct memory_backend *b = (struct memory_backend *)base;
    size_t n;

    pthread_mutex_lock(&b->lock);
    n = b->n;
    pthread_mutex_unlock(&b->lock);
    return kfs_buf_printf(json, "\"backend\":\"memory\",\"streams\":%zu", n);
}

static int close_backend(struct kfs_backend *base)
{
    struct memory_backend *b = (struct memory_backend *)base;

    assert(b->readers == 0 && b->deleted_streams == 0);
    for (size_t i = 0; i < b->n; i++)
        stream_free(b->streams[i]);
    free(b->streams);
    memory_drop_notes(&b->notes);
    pthread_mutex_destroy(&b->lock);
    pthread_mutex_destroy(&b->watch_lock);
    pthread_mutex_destroy(&b->base.tags);
    free(b);
    return 0;
}

struct kfs_backend *memory_open(const struct kfs_clock *clock)
{
    static const struct kfs_backend_ops ops = {
        .name = "memory",
        .stream_list = stream_list,
        .stream_create = stream_create,
        .stream_open = stream_open,
        .stream_close = stream_close,
        .stream_delete = stream_delete,
        .stream_info = stream_info,
        .stream_update = stream_update,
        .stream_resize = memory_resize,
        .shard_list = memory_shard_list,
        .shard_info = memory_shard_info,
        .shard_extent = memory_shard_extent,
        .shard_split = memory_shard_split,
        .shard_merge = memory_shard_merge,
        .append = memory_append,
        .sync = sync_now,
        .reader_open = memory_reader_open,
        .reader_close = memory_reader_close,
        .locate = memory_locate,
        .read = memory_read,
        .read_bytes = memory_read_bytes,
        .read_stored = memory_read_stored,
        .watch = watch_add,
        .unwatch = watch_remove,
        .note_get = memory_note_get,
        .note_set = memory_note_set,
        .note_list = memory_note_list,
        .space = space,
        .status = status,
        .close = close_backend,
    };
    struct memory_backend *b = memory_alloc(NULL, 1, sizeof *b);

    *b = (struct memory_backend){.base = {.ops = &ops}, .clock = clock};
    pthread_mutex_init(&b->lock, NULL);
    pthread_mutex_init(&b->watch_lock, NULL);
    pthread_mutex_init(&b->base.tags, NULL);
    return &b->base;
}
