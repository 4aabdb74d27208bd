/* The backend's table of operations, opening and closing it, and the world that its machines live in. */
#include "backend/kinesis/kinesis.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "backend/base/dirlock.h"
#include "backend/base/logger.h"
#include "backend/kinesis/internal.h"
#include "backend/kinesis/reply.h"
#include "backend/kinesis/verdict.h"

#define FORMAT 1
#define IDENTITY_BYTES_MAX 8192
#define ENDPOINT_MAX 2048
#define DRAIN_STEP_MS 20

void remote_heard(struct remote *r, const struct kfs_error *failure)
{
    bool down = failure != NULL && remote_is_unreachable(failure);

    /* A failure that the endpoint itself has said is a sign of life. */
    if (atomic_exchange(&r->down, down) == down)
        return;
    if (!down) {
        atomic_store(&r->back, true);
        remote_keeper_wake(r);
    }
    if (down)
        kfs_log(KFS_LOG_WARNING, "the endpoint %s does not answer: %s", r->options.endpoint, failure->text);
    else
        kfs_log(KFS_LOG_INFO, "the endpoint %s answers", r->options.endpoint);
}

/* ---- the world ---- */

static uint64_t world_now(void *ctx)
{
    struct remote *r = ctx;

    return kfs_loop_now(r->loop);
}

static uint64_t world_random(void *ctx)
{
    uint64_t x = 0;

    (void)ctx;
    if (getrandom(&x, sizeof x, 0) != (ssize_t)sizeof x)
        x = (uint64_t)clock();
    return x;
}

static void world_call(void *ctx, struct kfs_call *call)
{
    struct remote *r = ctx;

    kfs_call_start(r->client, call);
}

static void world_cancel(void *ctx, struct kfs_call *call)
{
    struct remote *r = ctx;

    kfs_call_cancel(r->client, call);
}

static void world_arm(void *ctx, struct kfs_timer *timer, uint64_t after_ms)
{
    struct remote *r = ctx;

    /* Out of memory a machine would stand still: better to come back as one that was killed. */
    if (kfs_loop_at(r->loop, timer, after_ms) != 0) {
        kfs_log(KFS_LOG_ERROR, "out of memory");
        abort();
    }
}

static void world_disarm(void *ctx, struct kfs_timer *timer)
{
    struct remote *r = ctx;

    kfs_loop_cancel(r->loop, timer);
}

/* ---- the state directory ---- */

static int check_identity(const struct remote *r, struct kfs_bytes text, struct kfs_error *err)
{
    struct kfs_arena *arena = kfs_arena_new((size_t)4 * IDENTITY_BYTES_MAX);
    char endpoint[ENDPOINT_MAX];
    struct kfs_value map;
    uint64_t format;
    int rc = arena == NULL ? -ENOMEM : kfs_json_decode(arena, text, &map);

    if (rc != 0 || map.type != KFS_VALUE_MAP || !remote_answer_number(&map, "format", &format) ||
        !remote_answer_text(&map, "endpoint", endpoint, sizeof endpoint))
        rc = kfs_fail(err, rc == -ENOMEM ? ENOMEM : EIO, "the file state cannot be read");
    else if (format != FORMAT)
        rc = kfs_fail(err, EIO, "the state directory has format %llu, not %d", (unsigned long long)format, FORMAT);
    else if (strcmp(endpoint, r->options.endpoint) != 0)
        rc = kfs_fail(err, EINVAL, "the state directory is of the endpoint %s; name another one with spool=DIR",
                      endpoint);
    kfs_arena_free(arena);
    return rc;
}

/* Where there are streams, and not the file `state`, the directory is something else's: a local store, whose files
 * would be written over. */
static int new_identity(const struct remote *r, struct kfs_buf *text, struct kfs_error *err)
{
    const struct kfs_io *io = r->options.io;
    int fd = io->open(io->ctx, r->dir, "streams", KFS_OPEN_DIR);

    if (fd >= 0) {
        io->close(io->ctx, fd);
        return kfs_fail(err, EINVAL,
                        "there are streams in it but no file state: it is a local store, or damaged; name another "
                        "directory with spool=DIR");
    }
    int rc = kfs_buf_printf(text, "{\"format\":%d,\"endpoint\":\"%s\"}\n", FORMAT, r->options.endpoint);
    if (rc == 0)
        rc = kfs_io_replace(io, r->dir, "state", text->data, text->len);
    return rc == 0 ? 0 : kfs_fail(err, -rc, "cannot write the file state: %s", strerror(-rc));
}

static int open_identity(struct remote *r, struct kfs_error *err)
{
    const struct kfs_io *io = r->options.io;
    struct kfs_buf text;

    int rc = kfs_dir_lock(io, r->dir, &r->lock_fd, err);
    if (rc != 0)
        return rc;
    kfs_buf_init(&text, IDENTITY_BYTES_MAX);
    rc = kfs_io_read_file(io, r->dir, "state", &text);
    if (rc == 0) {
        rc = check_identity(r, (struct kfs_bytes){text.data, text.len}, err);
    } else if (rc == -ENOENT) {
        rc = new_identity(r, &text, err);
    } else {
        rc = kfs_fail(err, -rc, "cannot read the file state: %s", strerror(-rc));
    }
    kfs_buf_release(&text);
    return rc;
}

static int remote_space(struct kfs_backend *b, struct kfs_space *space, struct kfs_error *err)
{
    struct remote *r = (struct remote *)b;
    int rc = r->options.io->space(r->options.io->ctx, r->dir, space);

    return rc == 0 ? 0 : kfs_fail(err, -rc, "cannot ask for the free space: %s", strerror(-rc));
}

/* ---- closing ---- */

static void fail_syncs(struct remote *r)
{
    size_t n;
    struct remote_stream **streams = remote_all(r, &n);

    for (size_t i = 0; i < n; i++) {
        (void)pthread_rwlock_rdlock(&streams[i]->lock);
        for (size_t j = 0; j < streams[i]->n_shards; j++)
            remote_shard_fail_syncs(streams[i]->shards[j]);
        (void)pthread_rwlock_unlock(&streams[i]->lock);
    }
    remote_all_release(streams, n);
}

/* Waits until the spools are empty, as long as an unmount may. Says what remains. Once. */
static void remote_drain(struct kfs_backend *b)
{
    struct remote *r = (struct remote *)b;
    uint64_t until = remote_mono(r) + r->options.drain_ms;

    if (atomic_load(&r->drained))
        return;
    remote_hurry_shards(r);
    (void)pthread_mutex_lock(&r->room_lock);
    while (r->pending > 0) {
        uint64_t now = remote_mono(r);
        if (now >= until)
            break;
        (void)kfs_cond_wait(&r->room, &r->room_lock, until - now < DRAIN_STEP_MS ? until - now : DRAIN_STEP_MS);
    }
    int64_t left = r->pending;
    (void)pthread_mutex_unlock(&r->room_lock);
    if (left > 0)
        kfs_log(KFS_LOG_WARNING, "%lld bytes are not yet acknowledged; they stay in the spool for the next mount",
                (long long)left);
    atomic_store(&r->drained, true); /* before those who wait now are told: none is added after */
    fail_syncs(r);
}

static void stop_machines(void *arg)
{
    struct remote *r = arg;

    for (size_t i = 0; i < r->streams.n; i++)
        remote_stream_stop(r->streams.entries[i].item);
}

/* Frees what there is; also of what was opened half. */
static int free_remote(struct remote *r)
{
    const struct kfs_io *io = r->options.io;

    remote_keeper_stop(r);
    if (r->loop != NULL)
        kfs_loop_call(r->loop, stop_machines, r);
    kfs_client_free(r->client); /* ends the calls under way: the machines have stopped then */
    kfs_loop_stop(r->loop);
    remote_free_streams(r);
    if (r->streams_dir >= 0)
        io->close(io->ctx, r->streams_dir);
    if (r->lock_fd >= 0)
        io->close(io->ctx, r->lock_fd);
    if (r->dir >= 0)
        io->close(io->ctx, r->dir);
    int rc = atomic_load(&r->failed) ? -EIO : 0;
    (void)pthread_mutex_destroy(&r->changes);
    (void)pthread_mutex_destroy(&r->notes);
    (void)pthread_mutex_destroy(&r->lock);
    (void)pthread_mutex_destroy(&r->room_lock);
    (void)pthread_cond_destroy(&r->room);
    (void)pthread_mutex_destroy(&r->keeper_lock);
    (void)pthread_cond_destroy(&r->keeper_wake);
    (void)pthread_cond_destroy(&r->tidier_wake);
    (void)pthread_mutex_destroy(&r->asks_lock);
    free(r);
    return rc;
}

static int remote_close(struct kfs_backend *b)
{
    remote_drain(b);
    return free_remote((struct remote *)b);
}

/* ---- opening ---- */

static const struct kfs_backend_ops remote_ops = {
    .name = "kinesis",
    .stream_list = remote_stream_list,
    .stream_create = remote_stream_create,
    .stream_open = remote_stream_open,
    .stream_close = remote_stream_close,
    .stream_delete = remote_stream_delete,
    .stream_info = remote_stream_info,
    .stream_update = remote_stream_update,
    .stream_resize = remote_stream_resize,
    .shard_list = remote_shard_list,
    .shard_info = remote_shard_info,
    .shard_extent = remote_shard_extent,
    .shard_split = remote_shard_split,
    .shard_merge = remote_shard_merge,
    .append = remote_append,
    .sync = remote_sync,
    .refused = remote_refused,
    .catch_up = remote_catch_up,
    .attend = remote_attend,
    .reader_open = remote_reader_open,
    .reader_close = remote_reader_close,
    .locate = remote_locate,
    .read = remote_read,
    .read_bytes = remote_read_bytes,
    .read_stored = remote_read_stored,
    .watch = remote_watch,
    .unwatch = remote_unwatch,
    .dead_count = remote_dead_count,
    .dead_list = remote_dead_list,
    .dead_end = remote_dead_end,
    .tag_list = remote_tag_list,
    .tag_change = remote_tag_change,
    .note_get = remote_note_get,
    .note_set = remote_note_set,
    .note_list = remote_note_list,
    .space = remote_space,
    .status = remote_status,
    .drain = remote_drain,
    .close = remote_close,
};

static struct remote *new_remote(const struct kfs_kinesis_options *options)
{
    struct remote *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->base.ops = &remote_ops;
    r->options = *options;
    r->world = (struct remote_world){r, world_now, world_random, world_call, world_cancel, world_arm, world_disarm};
    r->dir = -1;
    r->streams_dir = -1;
    r->lock_fd = -1;
    (void)pthread_mutex_init(&r->changes, NULL);
    (void)pthread_mutex_init(&r->notes, NULL);
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_mutex_init(&r->room_lock, NULL);
    kfs_cond_init(&r->room);
    (void)pthread_mutex_init(&r->keeper_lock, NULL);
    kfs_cond_init(&r->keeper_wake);
    kfs_cond_init(&r->tidier_wake);
    (void)pthread_mutex_init(&r->asks_lock, NULL);
    return r;
}

static int start(struct remote *r, struct kfs_error *err)
{
    struct kfs_client_config config = {.clock = r->options.clock,
                                       .endpoint = r->options.endpoint,
                                       .region = r->options.region,
                                       .tls = r->options.tls,
                                       .credentials = r->options.credentials};

    int rc = kfs_loop_start(r->options.clock, &r->loop, err);
    if (rc != 0)
        return rc;
    config.loop = r->loop;
    rc = kfs_client_new(&config, &r->client, err);
    if (rc == 0)
        rc = remote_load_streams(r, err);
    for (size_t i = 0; rc == 0 && i < r->streams.n; i++) {
        const struct remote_stream *stream = r->streams.entries[i].item;
        for (size_t j = 0; j < stream->n_shards; j++)
            remote_shard_post(stream->shards[j]);
    }
    if (rc == 0) {
        rc = remote_keeper_start(r);
        if (rc != 0)
            rc = kfs_fail(err, -rc, "cannot start a thread: %s", strerror(-rc));
    }
    return rc;
}

int kfs_kinesis_open(const char *dir, const struct kfs_kinesis_options *options, struct kfs_backend **out,
                     struct kfs_error *err)
{
    struct remote *r = new_remote(options);
    int rc = 0;

    if (r == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    r->dir = options->io->open_root(options->io->ctx, dir, true);
    if (r->dir < 0)
        rc = kfs_fail(err, -r->dir, "cannot open the state directory %s: %s", dir, strerror(-r->dir));
    if (rc == 0)
        rc = open_identity(r, err);
    if (rc == 0)
        rc = start(r, err);
    if (rc != 0) {
        (void)free_remote(r);
        return rc;
    }
    *out = &r->base;
    return 0;
}
