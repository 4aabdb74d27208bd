/* The local backend's table of operations, and opening and closing a store. */
#include "backend/local/local.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/local/local_internal.h"

static int local_space(struct kfs_backend *b, struct kfs_space *space, struct kfs_error *err)
{
    struct local_store *store = (struct local_store *)b;
    int rc = store->options.io->space(store->options.io->ctx, store->dir, space);

    return rc == 0 ? 0 : kfs_fail(err, -rc, "cannot ask for the free space: %s", strerror(-rc));
}

static int local_status(struct kfs_backend *b, struct kfs_buf *json)
{
    struct local_store *store = (struct local_store *)b;

    return kfs_buf_printf(
        json,
        "\"backend\":\"local\",\"store_id\":\"%s\",\"epoch\":%" PRIu64 ",\"open_logs\":%u,\"appended_records\":%" PRIu64
        ",\"appended_bytes\":%" PRIu64 ",\"syncs\":%" PRIu64,
        store->id, store->epoch, atomic_load(&store->open_logs), (uint64_t)atomic_load(&store->appended_records),
        (uint64_t)atomic_load(&store->appended_bytes), (uint64_t)atomic_load(&store->syncs));
}

/* Frees what there is; also of a store that was opened half. */
static void free_store(struct local_store *store)
{
    const struct kfs_io *io = store->options.io;

    local_free_streams(store);
    if (store->streams_dir >= 0)
        io->close(io->ctx, store->streams_dir);
    if (store->lock_fd >= 0)
        io->close(io->ctx, store->lock_fd);
    if (store->dir >= 0)
        io->close(io->ctx, store->dir);
    (void)pthread_mutex_destroy(&store->changes);
    (void)pthread_mutex_destroy(&store->notes);
    (void)pthread_mutex_destroy(&store->base.tags);
    (void)pthread_mutex_destroy(&store->lock);
    free(store);
}

static int local_close(struct kfs_backend *b)
{
    struct local_store *store = (struct local_store *)b;

    local_keeper_stop(store);
    local_syncer_stop(store);
    int rc = atomic_load(&store->failed) ? -EIO : 0;
    free_store(store);
    return rc;
}

static const struct kfs_backend_ops local_ops = {
    .name = "local",
    .stream_list = local_stream_list,
    .stream_create = local_stream_create,
    .stream_open = local_stream_open,
    .stream_close = local_stream_close,
    .stream_delete = local_stream_delete,
    .stream_info = local_stream_info,
    .stream_update = local_stream_update,
    .stream_resize = local_stream_resize,
    .shard_list = local_shard_list,
    .shard_info = local_shard_info,
    .shard_extent = local_shard_extent,
    .shard_split = local_shard_split,
    .shard_merge = local_shard_merge,
    .append = local_append,
    .sync = local_sync,
    .reader_open = local_reader_open,
    .reader_close = local_reader_close,
    .locate = local_locate,
    .read = local_read,
    .read_bytes = local_read_bytes,
    .read_stored = local_read_stored,
    .watch = local_watch,
    .unwatch = local_unwatch,
    .note_get = local_note_get,
    .note_set = local_note_set,
    .note_list = local_note_list,
    .space = local_space,
    .status = local_status,
    .close = local_close,
};

int kfs_local_open(const char *dir, const struct kfs_local_options *options, struct kfs_backend **out,
                   struct kfs_error *err)
{
    struct local_store *store = calloc(1, sizeof *store);
    int rc;

    if (store == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    store->base.ops = &local_ops;
    store->options = *options;
    store->streams_dir = -1;
    store->lock_fd = -1;
    (void)pthread_mutex_init(&store->changes, NULL);
    (void)pthread_mutex_init(&store->notes, NULL);
    (void)pthread_mutex_init(&store->base.tags, NULL);
    (void)pthread_mutex_init(&store->lock, NULL);
    store->dir = options->io->open_root(options->io->ctx, dir, true);
    if (store->dir < 0) {
        rc = kfs_fail(err, -store->dir, "cannot open the store %s: %s", dir, strerror(-store->dir));
        goto fail;
    }
    rc = local_identity_open(store, err);
    if (rc == 0)
        rc = local_load_streams(store, err);
    if (rc != 0)
        goto fail;
    rc = local_keeper_start(store);
    if (rc == 0)
        rc = local_syncer_start(store);
    if (rc != 0) {
        (void)local_close(&store->base);
        return kfs_fail(err, -rc, "cannot start a thread: %s", strerror(-rc));
    }
    *out = &store->base;
    return 0;
fail:
    free_store(store);
    return rc;
}
