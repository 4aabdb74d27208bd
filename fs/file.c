/* Open files: opening, reading, waiting, releasing. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/fs_internal.h"

#define CONTROL_BYTES_MAX (64U << 20)
#define UNLOCK_STEPS_MAX 500
#define UNLOCK_STEP_NS 50000

/* ---- opening ---- */

static struct kfs_handle *new_handle(struct kfs_node *node, int flags)
{
    struct kfs_handle *handle = calloc(1, sizeof *handle);

    if (handle == NULL)
        return NULL;
    handle->node = node;
    handle->writable = (flags & O_ACCMODE) != O_RDONLY;
    handle->readable = (flags & O_ACCMODE) != O_WRONLY;
    handle->append = (flags & O_APPEND) != 0;
    handle->durable = handle->writable && (flags & (O_DSYNC | O_SYNC)) != 0;
    handle->attends = handle->readable && (node->type == KFS_NODE_SHARD || node->type == KFS_NODE_ALL);
    handle->follow = node->view.follow && handle->readable;
    (void)pthread_mutex_init(&handle->write_lock, NULL);
    (void)pthread_mutex_init(&handle->read_lock, NULL);
    kfs_buf_init(&handle->text, CONTROL_BYTES_MAX);
    return handle;
}

/* -EROFS, with the shards to write to instead. */
static int fail_closed(const struct kfs_node *node, struct kfs_error *err)
{
    char children[2 * (KFS_SHARD_NAME_LEN + 2) + 1] = "";
    struct kfs_shard_info *shards = NULL;
    size_t n = 0;
    size_t len = 0;

    (void)kfs_shard_list(node->topic->stream, &shards, &n, NULL);
    for (size_t i = 0; i < n && len + KFS_SHARD_NAME_LEN + 2 < sizeof children; i++) {
        if (shards[i].parent != node->shard && shards[i].adjacent_parent != node->shard)
            continue;
        if (len > 0)
            children[len++] = ' ';
        kfs_shard_name_print(shards[i].index, children + len);
        len += KFS_SHARD_NAME_LEN;
    }
    free(shards);
    return kfs_fail(err, EROFS, "the shard is closed, it was split or merged; write to %s", children);
}

/* What a description that writes needs. -EROFS where the shard is closed. */
static int open_writer(struct kfs_fs *fs, struct kfs_handle *handle, struct kfs_error *err)
{
    struct kfs_node *node = handle->node;
    const struct kfs_write_to to = {node->topic->stream, node->shard, node->view.framing, node->view.coding,
                                    &node->view.key};
    bool follows = fs->config.follow_closed && node->shard != KFS_NO_SHARD;
    struct kfs_shard_info info;
    int rc;

    if (node->shard != KFS_NO_SHARD) {
        rc = kfs_shard_info(node->topic->stream, node->shard, &info, err);
        if (rc != 0)
            return rc;
        if (info.closed && !follows)
            return fail_closed(node, err);
    }
    if (!handle->append) {
        rc = kfs_node_size(fs, node, &handle->size_at_open, err);
        if (rc != 0)
            return rc;
    }
    rc = kfs_writer_init(&handle->writer, &to, err);
    if (rc == 0 && follows)
        kfs_writer_follow(&handle->writer, &info.range);
    return rc;
}

/* Says what retention has removed behind the cursor's back: the file begins at the horizon. */
static void report_lost(struct kfs_fs *fs, const struct kfs_node *node)
{
    struct kfs_error err;
    struct kfs_extent extent;
    const struct kfs_places *places = &atomic_load(&node->begin)->places;
    uint64_t bytes = 0;

    for (size_t i = 0; i < places->n; i++) {
        const struct kfs_place *place = &places->list[i];
        if (!kfs_seq_is_none(&place->after) &&
            kfs_shard_extent(node->topic->stream, place->shard, &extent, NULL) == 0 && extent.start > place->offset)
            bytes += extent.start - place->offset;
    }
    if (bytes == 0)
        return;
    (void)kfs_fail(&err, ESTALE,
                   "retention has removed %" PRIu64 " bytes that cursor '%s' had not read; it goes on at the oldest "
                   "record that is left",
                   bytes, node->cursor->name);
    (void)kfs_node_report(fs, node, "open", &err);
}

static int attach_cursor(struct kfs_fs *fs, struct kfs_handle *handle, struct kfs_error *err)
{
    struct kfs_node *node = handle->node;
    int rc = kfs_cursor_attach(&fs->cursors, node, &handle->cursor, err);

    if (rc == 0)
        report_lost(fs, node);
    return rc;
}

/* fstat tells its size: some programs read no more than that. */
static int open_text(struct kfs_fs *fs, struct kfs_handle *handle)
{
    int rc = kfs_control_text(fs, handle->node, &handle->text);

    if (rc == 0)
        atomic_store(&handle->node->text_len, handle->text.len);
    return rc;
}

static int open_node(struct kfs_fs *fs, struct kfs_handle *handle, struct kfs_error *err)
{
    switch (handle->node->type) {
    case KFS_NODE_STATUS:
    case KFS_NODE_METRICS:
    case KFS_NODE_DEAD:
    case KFS_NODE_CURSOR:
        if (handle->writable)
            return kfs_fail(err, EPERM, "this file is only read");
        return open_text(fs, handle);
    case KFS_NODE_ERRORS:
        return handle->writable ? kfs_fail(err, EPERM, "this file is only read") : 0;
    case KFS_NODE_SHARD:
    case KFS_NODE_ALL:
        if (handle->attends) {
            int rc = kfs_catch_up(handle->node->topic->stream, handle->node->shard, err);
            if (rc == 0)
                rc = kfs_node_begin_anew(fs, handle->node, err);
            if (rc == 0 && handle->node->cursor != NULL)
                rc = attach_cursor(fs, handle, err);
            if (rc != 0)
                return rc;
        }
        return handle->writable ? open_writer(fs, handle, err) : 0;
    case KFS_NODE_ROOT:
    case KFS_NODE_CONTROL_DIR:
    case KFS_NODE_CURSORS_DIR:
    case KFS_NODE_STREAM:
        break;
    }
    return kfs_fail(err, EISDIR, "this is a directory");
}

static void free_handle(struct kfs_fs *fs, struct kfs_handle *handle)
{
    kfs_cursor_detach(&fs->cursors, &handle->cursor);
    if (handle->writable)
        kfs_writer_release(&handle->writer);
    kfs_reader_close(handle->reader);
    kfs_buf_release(&handle->text);
    (void)pthread_mutex_destroy(&handle->write_lock);
    (void)pthread_mutex_destroy(&handle->read_lock);
    kfs_node_unref(fs, handle->node, 1);
    free(handle);
}

int kfs_fs_open(struct kfs_fs *fs, struct kfs_node *node, int flags, struct kfs_handle **out)
{
    struct kfs_error err = {0};
    struct kfs_handle *handle = new_handle(node, flags);

    if (handle == NULL)
        return -ENOMEM;
    atomic_fetch_add(&node->refs, 1);
    if (fs->config.sync_always && handle->writable)
        handle->durable = true;
    int rc = open_node(fs, handle, &err);
    if (rc != 0) {
        free_handle(fs, handle);
        return err.code != 0 ? kfs_node_report(fs, node, "open", &err) : rc;
    }
    (void)kfs_fs_refused(handle); /* what was refused before is not its own */
    kfs_handles_add(fs, handle);
    if (handle->attends)
        kfs_attend(node->topic->stream, node->shard);
    if (handle->follow)
        kfs_topic_watch(node->topic);
    atomic_fetch_add(&fs->counters.open_files, 1);
    *out = handle;
    return 0;
}

/* Under read_lock. */
static void stop_listening(struct kfs_handle *handle)
{
    if (!handle->listening)
        return;
    kfs_topic_unlisten(handle->node->topic, &handle->listener);
    handle->listening = false;
    handle->listener.notify.release(handle->listener.notify.arg);
}

void kfs_fs_release(struct kfs_fs *fs, struct kfs_handle *handle)
{
    (void)pthread_mutex_lock(&handle->read_lock);
    stop_listening(handle);
    (void)pthread_mutex_unlock(&handle->read_lock);
    if (handle->writable) {
        (void)pthread_mutex_lock(&handle->write_lock);
        atomic_fetch_add(&fs->releasing, 1);
        (void)kfs_handle_finish(fs, handle, KFS_FINISH_LAST);
        atomic_fetch_sub(&fs->releasing, 1);
        (void)pthread_mutex_unlock(&handle->write_lock);
    }
    if (atomic_load(&handle->locked))
        kfs_locks_drop(&fs->locks, kfs_node_lock_key(handle->node), 0, handle);
    kfs_handles_remove(fs, handle);
    if (handle->attends)
        kfs_unattend(handle->node->topic->stream, handle->node->shard);
    if (handle->follow)
        kfs_topic_unwatch(handle->node->topic);
    atomic_fetch_sub(&fs->counters.open_files, 1);
    free_handle(fs, handle);
}

/* ---- reading ---- */

/* Whether nothing will ever come after the tip: the shard is closed, or the stream is gone. */
static bool at_end(const struct kfs_handle *handle)
{
    struct kfs_stream_info stream;
    struct kfs_extent extent;

    if (handle->node->shard == KFS_NO_SHARD)
        return kfs_stream_info(handle->node->topic->stream, &stream, NULL) != 0;
    return kfs_shard_extent(handle->node->topic->stream, handle->node->shard, &extent, NULL) != 0 || extent.closed;
}

/* The stored bytes: up to the tip, or to where the shard may have aggregates. */
static ssize_t read_stored(struct kfs_handle *handle, uint64_t offset, char *data, size_t len, struct kfs_error *err)
{
    struct kfs_node *node = handle->node;
    ssize_t n = 0;

    (void)pthread_mutex_lock(&handle->read_lock);
    if (handle->reader == NULL)
        n = kfs_reader_open(node->topic->stream, node->shard, &handle->reader, err);
    if (n == 0)
        n = kfs_read_bytes(handle->reader, atomic_load(&node->begin)->base + offset, data, len, err);
    (void)pthread_mutex_unlock(&handle->read_lock);
    return n;
}

/* Counts what was shown as it is; that a bound was the reason is said, once a read. */
static void tell_undecoded(struct kfs_fs *fs, const struct kfs_node *node, struct kfs_merge *merge)
{
    char seq[KFS_SEQ_DIGITS_MAX + 1];
    char shard[KFS_SHARD_NAME_LEN + 1];
    struct kfs_undecoded undecoded;
    struct kfs_error err = {0};

    kfs_merge_take_undecoded(merge, &undecoded);
    atomic_fetch_add(&fs->counters.undecoded, undecoded.records);
    if (!undecoded.over)
        return;
    (void)kfs_seq_print(&undecoded.seq, seq);
    kfs_shard_name_print(undecoded.shard, shard);
    (void)kfs_fail(&err, EMSGSIZE,
                   "record %s of %s becomes more than %u bytes, or an aggregate of more than %zu bytes or %zu records; "
                   "it is shown as it is",
                   seq, shard, KFS_RECORD_BYTES_MAX, KFS_DECODED_BYTES_MAX, KFS_DECODED_RECORDS_MAX);
    (void)kfs_node_report(fs, node, "read", &err);
}

static ssize_t read_merged(struct kfs_fs *fs, struct kfs_handle *handle, uint64_t offset, char *data, size_t len,
                           struct kfs_error *err)
{
    struct kfs_merge *merge;
    ssize_t n = kfs_node_merge(fs, handle->node, &merge, err);

    if (n == 0)
        n = kfs_merge_read(merge, offset, data, len, err);
    if (n > 0)
        tell_undecoded(fs, handle->node, merge);
    return n;
}

/* Stored bytes, and what of it lies behind them as decoded. */
static ssize_t read_plain(struct kfs_fs *fs, struct kfs_handle *handle, uint64_t offset, char *data, size_t len,
                          struct kfs_error *err)
{
    const struct kfs_node *node = handle->node;
    struct kfs_extent extent;
    ssize_t n = read_stored(handle, offset, data, len, err);

    if (n < 0 || (size_t)n == len)
        return n;
    ssize_t more = kfs_shard_extent(node->topic->stream, node->shard, &extent, n == 0 ? err : NULL);
    if (more == 0 && offset + (size_t)n >= kfs_node_stored_to(node, &extent))
        more = read_merged(fs, handle, offset + (size_t)n, data + n, len - (size_t)n, n == 0 ? err : NULL);
    return more > 0 ? n + more : n > 0 ? n : more;
}

static ssize_t read_text(const struct kfs_handle *handle, uint64_t offset, char *data, size_t len)
{
    if (offset >= handle->text.len)
        return 0;
    if (len > handle->text.len - offset)
        len = (size_t)(handle->text.len - offset);
    memcpy(data, handle->text.data + offset, len);
    return (ssize_t)len;
}

/* busybox tail tries again every second for ever, other programs without a pause:
 * what fails again at the same place is said once. Returns -err->code. */
static int report_read(struct kfs_fs *fs, struct kfs_handle *handle, uint64_t offset, const struct kfs_error *err)
{
    if (atomic_exchange(&handle->failed, offset + 1) == offset + 1)
        return -err->code;
    return kfs_node_report(fs, handle->node, "read", err);
}

static ssize_t read_records(struct kfs_fs *fs, struct kfs_handle *handle, uint64_t offset, char *data, size_t len,
                            struct kfs_error *err)
{
    return kfs_node_is_plain(handle->node) ? read_plain(fs, handle, offset, data, len, err)
                                           : read_merged(fs, handle, offset, data, len, err);
}

ssize_t kfs_fs_read(struct kfs_fs *fs, struct kfs_handle *handle, uint64_t offset, char *data, size_t len)
{
    struct kfs_node *node = handle->node;
    struct kfs_error err = {0};
    bool waits = false;
    ssize_t n;

    if (node->type == KFS_NODE_STATUS || node->type == KFS_NODE_METRICS || node->type == KFS_NODE_CURSOR ||
        node->type == KFS_NODE_DEAD)
        return read_text(handle, offset, data, len);
    if (node->type == KFS_NODE_ERRORS)
        return kfs_errors_read(&fs->errors, atomic_load(&node->begin)->base + offset, data, len);
    if (handle->cursor.cursor != NULL)
        kfs_cursor_reads(&fs->cursors, &handle->cursor, offset);
    n = read_records(fs, handle, offset, data, len, &err);
    if (n == 0 && len > 0 && handle->follow) {
        waits = !at_end(handle);
        /* The last records may have come after the read and before the end. */
        if (!waits)
            n = read_records(fs, handle, offset, data, len, &err);
    }
    atomic_fetch_add(&fs->counters.reads, 1);
    if (n < 0)
        return report_read(fs, handle, offset, &err);
    if (atomic_load(&handle->failed) != 0)
        atomic_store(&handle->failed, 0);
    if (handle->cursor.cursor != NULL)
        kfs_cursor_has_read(&handle->cursor, offset, (size_t)n, len);
    atomic_fetch_add(&fs->counters.read_bytes, (uint64_t)n);
    atomic_store(&handle->read_end, offset + (uint64_t)n);
    return waits ? KFS_FS_WAIT : n;
}

ssize_t kfs_fs_read_page(struct kfs_fs *fs, struct kfs_handle *handle, uint64_t offset, char *data, size_t len)
{
    if (handle->follow || handle->cursor.cursor != NULL)
        return -EINVAL;
    return kfs_fs_read(fs, handle, offset, data, len);
}

/* ---- waiting ---- */

/* Whether a read at an offset has something to return: bytes, the end for good, or an error. */
static bool ready_at(struct kfs_fs *fs, const struct kfs_handle *handle, uint64_t offset)
{
    uint64_t size;

    if (!handle->follow)
        return true;
    return kfs_node_size(fs, handle->node, &size, NULL) != 0 || size > offset || at_end(handle);
}

void kfs_fs_prepare_wait(struct kfs_handle *handle, struct kfs_waiter *waiter)
{
    kfs_topic_prepare(handle->node->topic, waiter);
}

int kfs_fs_wait(struct kfs_fs *fs, struct kfs_handle *handle, struct kfs_waiter *waiter)
{
    atomic_fetch_add(&fs->counters.waits, 1);
    return kfs_topic_add(handle->node->topic, handle->node->shard, waiter);
}

void kfs_fs_deliver(struct kfs_fs *fs)
{
    kfs_dispatcher_help(&fs->dispatcher);
}

bool kfs_fs_cancel(struct kfs_fs *fs, struct kfs_handle *handle, struct kfs_waiter *waiter)
{
    (void)fs;
    return kfs_topic_cancel(handle->node->topic, waiter);
}

bool kfs_fs_readable(struct kfs_fs *fs, struct kfs_handle *handle)
{
    return ready_at(fs, handle, atomic_load(&handle->read_end));
}

void kfs_fs_on_readable(struct kfs_fs *fs, struct kfs_handle *handle, const struct kfs_notify *notify)
{
    (void)fs;
    if (!handle->follow) {
        notify->release(notify->arg); /* it is readable, always */
        return;
    }
    (void)pthread_mutex_lock(&handle->read_lock);
    stop_listening(handle);
    handle->listener = (struct kfs_listener){.notify = *notify};
    handle->listening = true;
    kfs_topic_listen(handle->node->topic, &handle->listener);
    (void)pthread_mutex_unlock(&handle->read_lock);
}

/* ---- locks ---- */

int kfs_fs_lock(struct kfs_fs *fs, struct kfs_handle *handle, struct kfs_lock *lock, struct kfs_lock_wait *wait)
{
    const struct kfs_clock *clock = fs->config.clock;
    const struct timespec step = {0, UNLOCK_STEP_NS};
    uint64_t key = kfs_node_lock_key(handle->node);

    lock->handle = handle;
    atomic_store(&handle->locked, true);
    int rc = kfs_locks_set(&fs->locks, key, lock, wait);
    /* Who has it may have closed it just now, and the release be in another thread's hands. */
    for (int i = 0; i < UNLOCK_STEPS_MAX && rc == -EAGAIN; i++) {
        if (clock->mono_ms(clock->ctx) > atomic_load(&fs->unlocking_until_ms))
            break;
        (void)nanosleep(&step, NULL);
        rc = kfs_locks_set(&fs->locks, key, lock, wait);
    }
    return rc;
}

bool kfs_fs_cancel_lock(struct kfs_fs *fs, struct kfs_lock_wait *wait)
{
    return kfs_locks_cancel(&fs->locks, wait);
}

void kfs_fs_getlock(struct kfs_fs *fs, struct kfs_handle *handle, struct kfs_lock *lock)
{
    kfs_locks_get(&fs->locks, kfs_node_lock_key(handle->node), lock);
}
