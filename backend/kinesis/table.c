/* Which streams there are: those this directory knows, and the names that the endpoint lists. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/logger.h"
#include "backend/base/patience.h"
#include "backend/kinesis/internal.h"

#define GENERATION_SHIFT 20 /* of the time in a generation; below it chance: no one counts streams across mounts */

/* ---- the table ---- */

struct remote_stream *remote_find(struct remote *r, const char *name)
{
    (void)pthread_mutex_lock(&r->lock);
    struct remote_stream *stream = kfs_names_find(&r->streams, name);
    if (stream != NULL)
        atomic_fetch_add(&stream->refs, 1);
    (void)pthread_mutex_unlock(&r->lock);
    return stream;
}

void remote_stream_close(struct kfs_stream *s)
{
    atomic_fetch_sub(&((struct remote_stream *)s)->refs, 1);
}

struct remote_stream **remote_all(struct remote *r, size_t *n)
{
    (void)pthread_mutex_lock(&r->lock);
    struct remote_stream **streams = calloc(r->streams.n + 1, sizeof(struct remote_stream *));
    *n = streams != NULL ? r->streams.n : 0;
    for (size_t i = 0; i < *n; i++) {
        streams[i] = r->streams.entries[i].item;
        atomic_fetch_add(&streams[i]->refs, 1);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return streams;
}

struct remote_stream *remote_first_gone(struct remote *r)
{
    (void)pthread_mutex_lock(&r->lock);
    struct remote_stream *first = r->gone;
    (void)pthread_mutex_unlock(&r->lock);
    return first;
}

void remote_all_release(struct remote_stream **streams, size_t n)
{
    for (size_t i = 0; i < n; i++)
        remote_stream_close(&streams[i]->base);
    free(streams);
}

/* ---- streams that were not known ---- */

/* Under changes. */
static int add_locked(struct remote *r, const char *name, const struct remote_facts *facts, struct remote_stream **out,
                      struct kfs_error *err)
{
    int dir = kfs_io_make_dir(r->options.io, r->streams_dir, name);

    if (dir < 0)
        return kfs_fail(err, -dir, "cannot make the stream's directory: %s", strerror(-dir));
    uint64_t chance = r->world.random(r->world.ctx) & ((1U << GENERATION_SHIFT) - 1);
    uint64_t generation = remote_wall(r) << GENERATION_SHIFT | chance;
    struct remote_stream *stream = remote_stream_new(r, name, generation, dir);
    if (stream == NULL) {
        r->options.io->close(r->options.io->ctx, dir);
        return kfs_fail(err, ENOMEM, "out of memory");
    }
    int rc = remote_stream_apply(stream, facts, true, err);
    if (rc == 0) {
        (void)pthread_mutex_lock(&r->lock);
        rc = kfs_names_add(&r->streams, stream->name, stream);
        atomic_fetch_add(&stream->refs, 1);
        (void)pthread_mutex_unlock(&r->lock);
    }
    if (rc != 0) {
        remote_stream_free(stream);
        return rc;
    }
    *out = stream;
    return 0;
}

/* Moves the directory of a stream that is gone to gone/NAME.GENERATION. Under changes. */
static int move_away(struct remote_stream *stream)
{
    struct remote *r = stream->remote;
    const struct kfs_io *io = r->options.io;
    char name[REMOTE_GONE_NAME_MAX];
    int dir = kfs_io_make_dir(io, r->dir, "gone");

    remote_gone_name(stream, name);
    int rc = dir < 0 ? dir : io->rename(io->ctx, r->streams_dir, stream->name, dir, name);
    if (rc == 0)
        rc = io->sync_dir(io->ctx, dir);
    if (rc == 0)
        rc = io->sync_dir(io->ctx, r->streams_dir);
    if (dir >= 0)
        io->close(io->ctx, dir);
    stream->in_place = rc != 0;
    if (rc != 0)
        kfs_log(KFS_LOG_ERROR, "stream %s is gone and its directory cannot be moved away: %s", stream->name,
                strerror(-rc));
    return rc;
}

/* What is in a predecessor's spool is not the new stream's: there is none before it has been moved away. Under changes.
 */
static int clear_place(struct remote *r, const char *name, struct kfs_error *err)
{
    int rc = 0;

    for (struct remote_stream *gone = r->gone; rc == 0 && gone != NULL; gone = gone->next_gone)
        if (gone->in_place && strcmp(gone->name, name) == 0)
            rc = move_away(gone);
    return rc == 0 ? 0
                   : kfs_fail(err, -rc, "the directory of an earlier stream %s cannot be moved to gone/: %s", name,
                              strerror(-rc));
}

int remote_add(struct remote *r, const char *name, const struct remote_facts *facts, struct remote_stream **out,
               struct kfs_error *err)
{
    int rc = 0;

    (void)pthread_mutex_lock(&r->changes);
    struct remote_stream *stream = remote_find(r, name);
    if (stream != NULL)
        *out = stream;
    else
        rc = clear_place(r, name, err);
    if (stream == NULL && rc == 0)
        rc = add_locked(r, name, facts, out, err);
    (void)pthread_mutex_unlock(&r->changes);
    return rc;
}

/* What an earlier mount knew is used meanwhile: no one waits for the endpoint. */
static void renew(struct remote_stream *stream)
{
    (void)pthread_rwlock_rdlock(&stream->lock);
    bool asked = stream->facts.asked != 0;
    (void)pthread_rwlock_unlock(&stream->lock);
    if (!asked)
        remote_keeper_hurry(stream);
}

int remote_stream_open(struct kfs_backend *b, const char *name, struct kfs_stream **out, struct kfs_error *err)
{
    struct remote *r = (struct remote *)b;
    struct remote_stream *stream = remote_find(r, name);
    struct remote_facts facts;
    int rc = 0;

    if (stream != NULL) {
        renew(stream);
        *out = &stream->base;
        return 0;
    }
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return kfs_fail_aws(err, ENOENT, "ResourceNotFoundException", "a stream named %s cannot be shown", name);
    rc = remote_fetch_facts(r, name, &facts, err);
    if (rc != 0)
        return rc;
    rc = remote_add(r, name, &facts, &stream, err);
    remote_facts_release(&facts);
    if (rc == 0)
        *out = &stream->base;
    return rc;
}

/* ---- streams that are gone ---- */

static void stop(void *arg)
{
    remote_stream_stop(arg);
}

void remote_forget(struct remote_stream *stream)
{
    struct remote *r = stream->remote;

    (void)pthread_mutex_lock(&r->changes);
    (void)pthread_rwlock_wrlock(&stream->lock);
    bool first = !stream->gone;
    stream->gone = true;
    (void)pthread_rwlock_unlock(&stream->lock);
    if (first) {
        (void)pthread_mutex_lock(&r->lock);
        if (kfs_names_remove(&r->streams, stream->name, stream)) {
            stream->next_gone = r->gone;
            r->gone = stream;
        }
        for (size_t i = 0; i < r->n_names; i++) {
            if (strcmp(r->names[i], stream->name) == 0) {
                r->n_names--;
                memmove(r->names + i, r->names + i + 1, (r->n_names - i) * sizeof *r->names);
                break;
            }
        }
        (void)pthread_mutex_unlock(&r->lock);
        (void)move_away(stream);
    }
    (void)pthread_mutex_unlock(&r->changes);
    if (first) {
        kfs_loop_call(r->loop, stop, stream);
        remote_stream_wake(stream, KFS_NO_SHARD, KFS_EVENT_DELETED);
    }
}

/* ---- names ---- */

/* Under lock. The streams that are known and were not listed are asked about. Both are by name. */
static void doubt_missing(struct remote *r)
{
    size_t next = 0;

    for (size_t i = 0; i < r->streams.n; i++) {
        struct remote_stream *stream = r->streams.entries[i].item;
        while (next < r->n_names && strcmp(r->names[next], stream->name) < 0)
            next++;
        if (next == r->n_names || strcmp(r->names[next], stream->name) != 0)
            atomic_store(&stream->stale, true);
    }
}

int remote_refresh_names(struct remote *r, struct kfs_error *err)
{
    char(*names)[KFS_STREAM_NAME_MAX + 1] = NULL;
    size_t n = 0;
    uint64_t asked = atomic_fetch_add(&r->asked, 1) + 1;
    int rc = remote_fetch_names(r, &names, &n, err);

    if (rc != 0)
        return rc;
    (void)pthread_mutex_lock(&r->lock);
    if (asked > r->names_asked) { /* else what is known is newer */
        free(r->names);
        r->names = names;
        r->n_names = n;
        r->names_ms = remote_mono(r) + 1;
        r->names_asked = asked;
        doubt_missing(r);
    } else {
        free(names);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return 0;
}

/* The names last listed; without any, those this directory knows. */
static char (*copy_names(struct remote *r, size_t *n))[KFS_STREAM_NAME_MAX + 1]
{
    (void)pthread_mutex_lock(&r->lock);
    bool listed = r->names_ms != 0;
    *n = listed ? r->n_names : r->streams.n;
    char(*names)[KFS_STREAM_NAME_MAX + 1] = calloc(*n + 1, sizeof *names);
    for (size_t i = 0; names != NULL && i < *n; i++)
        (void)snprintf(names[i], sizeof *names, "%s", listed ? r->names[i] : r->streams.entries[i].name);
    (void)pthread_mutex_unlock(&r->lock);
    return names;
}

/* Whether what is known is listed after a failed asking: where that is nothing only to who does not wait. */
static bool makes_do(int rc, bool known)
{
    return rc != -EINTR && !kfs_patience_refused() && (known || kfs_patience_ask() == -EAGAIN);
}

int remote_stream_list(struct kfs_backend *b, kfs_stream_visit *visit, void *arg, struct kfs_error *err)
{
    struct remote *r = (struct remote *)b;
    struct kfs_error detail = {0};
    size_t n;
    int rc = 0;

    (void)pthread_mutex_lock(&r->lock);
    bool old = r->names_ms == 0 || remote_mono(r) + 1 - r->names_ms >= r->options.refresh_ms;
    bool known = r->names_ms != 0 || r->streams.n > 0;
    (void)pthread_mutex_unlock(&r->lock);
    if (old && !(known && atomic_load(&r->down)))
        rc = remote_refresh_names(r, &detail);
    if (rc != 0 && !makes_do(rc, known)) {
        if (err != NULL)
            *err = detail;
        return rc;
    }
    char(*names)[KFS_STREAM_NAME_MAX + 1] = copy_names(r, &n);
    if (names == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = visit(arg, names[i]);
    free(names);
    return rc;
}

/* ---- opening and closing ---- */

/* A stream that cannot be loaded is left alone and said; the others are served. */
static int load_stream(void *arg, const char *name)
{
    struct remote *r = arg;
    const struct kfs_io *io = r->options.io;
    struct kfs_error err = {0};
    struct remote_facts facts;
    uint64_t generation;

    if (!kfs_stream_name_valid(name) || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    int dir = io->open(io->ctx, r->streams_dir, name, KFS_OPEN_DIR);
    if (dir < 0)
        return 0;
    int rc = remote_manifest_load(io, dir, &generation, &facts, &err);
    if (rc != 0) {
        if (rc != -ENOENT) /* without the file there never was a record: asked for anew when it is used */
            kfs_log(KFS_LOG_ERROR, "stream %s: %s", name, err.text);
        io->close(io->ctx, dir);
        return 0;
    }
    struct remote_stream *stream = remote_stream_new(r, name, generation, dir);
    if (stream == NULL) {
        io->close(io->ctx, dir);
        remote_facts_release(&facts);
        return -ENOMEM;
    }
    rc = remote_stream_apply(stream, &facts, false, NULL);
    remote_facts_release(&facts);
    if (rc == 0)
        rc = kfs_names_add(&r->streams, stream->name, stream);
    if (rc != 0) {
        remote_stream_free(stream);
        return rc;
    }
    remote_sweep_stream(stream);
    return 0;
}

int remote_load_streams(struct remote *r, struct kfs_error *err)
{
    const struct kfs_io *io = r->options.io;

    r->streams_dir = kfs_io_make_dir(io, r->dir, "streams");
    if (r->streams_dir < 0)
        return kfs_fail(err, -r->streams_dir, "cannot make or open the directory streams: %s",
                        strerror(-r->streams_dir));
    int rc = io->list(io->ctx, r->streams_dir, load_stream, r);
    remote_sweep_gone(r, NULL);
    return rc == 0 ? 0 : kfs_fail(err, -rc, "cannot load the streams: %s", strerror(-rc));
}

void remote_free_streams(struct remote *r)
{
    for (size_t i = 0; i < r->streams.n; i++)
        remote_stream_free(r->streams.entries[i].item);
    kfs_names_release(&r->streams);
    while (r->gone != NULL) {
        struct remote_stream *next = r->gone->next_gone;
        remote_stream_free(r->gone);
        r->gone = next;
    }
    free(r->names);
}
