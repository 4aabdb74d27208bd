/* Writing: what a write lands as, and what happens to the end of the last line. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "backend/base/cond.h"
#include "backend/base/patience.h"
#include "fs/fs_internal.h"

#define TICK_MS 50

/* The offset rule of design and SEMANTICS.md: an appender's offset is stale and
 * never used; any other writer may begin at 0 or at a size that the file has had
 * since its open, and then goes on where its last write ended. */
static int check_offset(struct kfs_fs *fs, const struct kfs_handle *handle, uint64_t offset, struct kfs_error *err)
{
    uint64_t size;

    if (handle->append || (handle->wrote && offset == handle->next_offset) || (!handle->wrote && offset == 0))
        return 0;
    int rc = kfs_node_size(fs, handle->node, &size, err);
    if (rc != 0)
        return rc;
    if (offset >= handle->size_at_open && offset <= size)
        return 0;
    return kfs_fail(err, EPERM,
                    "a write at offset %" PRIu64
                    " is neither at the end nor where the last one ended; streams are only "
                    "appended to",
                    offset);
}

static void set_flushed(struct kfs_fs *fs, struct kfs_handle *handle, bool flushed)
{
    const struct kfs_clock *clock = fs->config.clock;

    if (flushed)
        atomic_store(&fs->closing_until_ms, clock->mono_ms(clock->ctx) + KFS_CLOSING_MS);
    if (handle->flushed == flushed)
        return;
    handle->flushed = flushed;
    if (flushed)
        atomic_fetch_add(&fs->closing, 1);
    else
        atomic_fetch_sub(&fs->closing, 1);
}

/* After records were stored. Under write_lock. */
static void count_keyless(struct kfs_fs *fs, struct kfs_handle *handle)
{
    if (handle->writer.keyless > 0)
        atomic_fetch_add(&fs->counters.keyless, handle->writer.keyless);
    handle->writer.keyless = 0;
}

/* Whoever comes first tells it: a write may do so while a sync does. */
int kfs_fs_refused(struct kfs_handle *handle)
{
    const struct kfs_node *node = handle->node;
    uint_fast64_t before = atomic_load(&handle->refused);
    uint64_t seen = before;

    if (node->topic == NULL)
        return 0;
    /* Where its records go on in other shards. */
    uint32_t shard = handle->writable && handle->writer.follows ? KFS_NO_SHARD : node->shard;
    int rc = kfs_refused(node->topic->stream, shard, &seen);
    return rc != 0 && atomic_compare_exchange_strong(&handle->refused, &before, seen) ? rc : 0;
}

ssize_t kfs_fs_write(struct kfs_fs *fs, struct kfs_handle *handle, uint64_t offset, const char *data, size_t len,
                     bool *durable)
{
    struct kfs_error err = {0};
    ssize_t n = 0;

    if (!handle->writable)
        return -EBADF;
    (void)pthread_mutex_lock(&handle->write_lock);
    set_flushed(fs, handle, false);
    int late = handle->late_error;
    handle->late_error = 0;
    int refused = kfs_fs_refused(handle); /* before its first write: of others */
    if (late == 0 && handle->wrote)
        late = refused;
    if (late == 0) {
        int rc = check_offset(fs, handle, offset, &err);
        n = rc != 0 ? rc : kfs_writer_write(&handle->writer, data, len, &err);
    }
    if (n > 0) {
        count_keyless(fs, handle);
        handle->wrote = true;
        handle->unclosed = true;
        handle->next_offset = offset + (uint64_t)n;
        handle->last_write_ms = fs->config.clock->mono_ms(fs->config.clock->ctx);
        atomic_fetch_add(&fs->counters.written_bytes, (uint64_t)n);
    }
    (void)pthread_mutex_unlock(&handle->write_lock);
    atomic_fetch_add(&fs->counters.writes, 1);
    *durable = handle->durable;
    if (late != 0)
        return late;
    /* Also where a part was taken: what stopped it will be met again by the next write. */
    if (n < 0)
        (void)kfs_node_report(fs, handle->node, "write", &err);
    return n;
}

int kfs_handle_finish(struct kfs_fs *fs, struct kfs_handle *handle, enum kfs_finish when)
{
    struct kfs_error err = {0};
    int rc = kfs_writer_finish(&handle->writer, when == KFS_FINISH_LAST, &err);

    count_keyless(fs, handle);
    if (rc == -EINVAL && when == KFS_FINISH_IDLE)
        return 0;
    /* What the writer has yet to be told is tried again, and not said again. */
    if (rc != 0 && rc != handle->late_error)
        (void)kfs_node_report(fs, handle->node, "write", &err);
    return rc;
}

/* Whether a partial line can still become a record, as far as can be known before it does. */
static int check_partial(struct kfs_handle *handle)
{
    struct kfs_node *node = handle->node;
    struct kfs_stream_info stream;
    struct kfs_shard_info shard;
    int rc;

    if (node->shard == KFS_NO_SHARD || handle->writer.follows)
        return kfs_stream_info(node->topic->stream, &stream, NULL);
    rc = kfs_shard_info(node->topic->stream, node->shard, &shard, NULL);
    return rc == 0 && shard.closed ? -EROFS : rc;
}

/* At close and, with all that was read, at fsync. */
static int save_cursor(struct kfs_fs *fs, struct kfs_handle *handle, bool all)
{
    struct kfs_error err = {0};
    int rc = kfs_cursor_confirm(&fs->cursors, &handle->cursor, all, !all, &err);

    return rc == 0 ? 0 : kfs_node_report(fs, handle->node, "cursor", &err);
}

int kfs_fs_flush(struct kfs_fs *fs, struct kfs_handle *handle, uint64_t owner)
{
    int rc = 0;

    (void)pthread_mutex_lock(&handle->write_lock);
    bool partial = handle->writable && kfs_writer_has_partial(&handle->writer);
    rc = handle->late_error;
    handle->late_error = 0;
    if (rc == 0 && handle->wrote)
        rc = kfs_fs_refused(handle);
    if (rc == 0 && partial)
        rc = check_partial(handle);
    set_flushed(fs, handle, partial);
    (void)pthread_mutex_unlock(&handle->write_lock);
    if (handle->cursor.cursor != NULL) {
        int saved = save_cursor(fs, handle, false);
        rc = rc == 0 ? saved : rc;
    }
    if (atomic_load(&handle->locked))
        atomic_store(&fs->unlocking_until_ms, fs->config.clock->mono_ms(fs->config.clock->ctx) + KFS_CLOSING_MS);
    kfs_locks_drop(&fs->locks, kfs_node_lock_key(handle->node), owner, NULL);
    return rc;
}

bool kfs_fs_has_partial(struct kfs_handle *handle)
{
    if (!handle->writable)
        return false;
    (void)pthread_mutex_lock(&handle->write_lock);
    bool partial = kfs_writer_has_partial(&handle->writer);
    (void)pthread_mutex_unlock(&handle->write_lock);
    return partial;
}

uint64_t kfs_fs_close_wait(struct kfs_fs *fs, struct kfs_handle *handle)
{
    if (fs->config.close_wait_ms == 0 || !handle->writable)
        return 0;
    (void)pthread_mutex_lock(&handle->write_lock);
    bool unclosed = handle->unclosed;
    handle->unclosed = false;
    (void)pthread_mutex_unlock(&handle->write_lock);
    return unclosed ? fs->config.close_wait_ms : 0;
}

int kfs_fs_sync(struct kfs_fs *fs, struct kfs_handle *handle, bool partial, struct kfs_sync *op)
{
    int rc = 0;

    if (handle->node->topic == NULL) {
        op->done(op, 0);
        return 0;
    }
    (void)pthread_mutex_lock(&handle->write_lock);
    if (handle->late_error != 0) {
        rc = handle->late_error;
        handle->late_error = 0;
    } else if (partial && handle->writable) {
        rc = kfs_handle_finish(fs, handle, KFS_FINISH_SYNC);
    }
    /* Of which shards its records are is not kept: all of the stream. */
    uint32_t shard = handle->writable && handle->writer.elsewhere ? KFS_NO_SHARD : handle->node->shard;
    (void)pthread_mutex_unlock(&handle->write_lock);
    if (rc == 0 && handle->cursor.cursor != NULL)
        rc = save_cursor(fs, handle, true);
    if (rc != 0)
        return rc;
    atomic_fetch_add(&fs->counters.syncs, 1);
    kfs_sync(handle->node->topic->stream, shard, op);
    return 0;
}

/* ---- all open files, and the timeout of partial lines ---- */

void kfs_handles_add(struct kfs_fs *fs, struct kfs_handle *handle)
{
    (void)pthread_mutex_lock(&fs->handles_lock);
    handle->next = fs->handles;
    if (fs->handles != NULL)
        fs->handles->prev = handle;
    fs->handles = handle;
    (void)pthread_mutex_unlock(&fs->handles_lock);
}

void kfs_handles_remove(struct kfs_fs *fs, struct kfs_handle *handle)
{
    (void)pthread_mutex_lock(&fs->handles_lock);
    if (handle->next != NULL)
        handle->next->prev = handle->prev;
    if (handle->prev != NULL)
        handle->prev->next = handle->next;
    else
        fs->handles = handle->next;
    (void)pthread_mutex_unlock(&fs->handles_lock);
    (void)pthread_mutex_lock(&handle->write_lock);
    set_flushed(fs, handle, false);
    (void)pthread_mutex_unlock(&handle->write_lock);
}

/* Makes records of partial lines whose last write is `age` ms ago. Under handles_lock. */
static void finish_older(struct kfs_fs *fs, uint64_t age)
{
    for (struct kfs_handle *h = fs->handles; h != NULL; h = h->next) {
        /* One that is being written now may wait for room in a spool, and its line is not idle. */
        if (!h->writable || (age > 0 && pthread_mutex_trylock(&h->write_lock) != 0))
            continue;
        if (age == 0)
            (void)pthread_mutex_lock(&h->write_lock);
        uint64_t now = fs->config.clock->mono_ms(fs->config.clock->ctx); /* not before the last write */
        if (kfs_writer_has_partial(&h->writer) && now - h->last_write_ms >= age) {
            int rc = kfs_handle_finish(fs, h, age > 0 ? KFS_FINISH_IDLE : KFS_FINISH_LAST);
            if (rc != 0)
                h->late_error = rc;
            else
                set_flushed(fs, h, false);
            h->last_write_ms = now; /* where it failed, try again after the same time */
        }
        (void)pthread_mutex_unlock(&h->write_lock);
    }
}

static void *run_ticker(void *arg)
{
    struct kfs_fs *fs = arg;

    /* Under this lock no one waits for room: where there is none the line is tried again. */
    (void)kfs_patience_enter(KFS_AT_ONCE, NULL);
    (void)pthread_mutex_lock(&fs->handles_lock);
    while (!fs->stop) {
        (void)kfs_cond_wait(&fs->tick, &fs->handles_lock, TICK_MS);
        if (!fs->stop)
            finish_older(fs, fs->config.partial_timeout_ms);
    }
    (void)pthread_mutex_unlock(&fs->handles_lock);
    return NULL;
}

int kfs_ticker_start(struct kfs_fs *fs)
{
    if (fs->config.partial_timeout_ms == 0)
        return 0;
    int rc = pthread_create(&fs->ticker, NULL, run_ticker, fs);
    fs->ticks = rc == 0;
    return -rc;
}

void kfs_ticker_stop(struct kfs_fs *fs)
{
    (void)pthread_mutex_lock(&fs->handles_lock);
    fs->stop = true;
    (void)pthread_cond_broadcast(&fs->tick);
    (void)pthread_mutex_unlock(&fs->handles_lock);
    if (fs->ticks)
        (void)pthread_join(fs->ticker, NULL);
    fs->ticks = false;
    /* No one is there any more to be told that there is no room. */
    const struct kfs_patience_state before = kfs_patience_enter(KFS_FORCED, NULL);
    (void)pthread_mutex_lock(&fs->handles_lock);
    finish_older(fs, 0);
    (void)pthread_mutex_unlock(&fs->handles_lock);
    kfs_patience_leave(&before);
}
