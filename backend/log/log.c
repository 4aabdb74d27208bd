#include "backend/log/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/log/log_internal.h"

int kfs_log_poison(struct kfs_log *log, const char *format, ...)
{
    va_list args;

    (void)pthread_mutex_lock(&log->state);
    if (log->failure.code == 0) {
        log->failure.code = EIO;
        va_start(args, format);
        (void)vsnprintf(log->failure.text, sizeof log->failure.text, format, args);
        va_end(args);
    }
    (void)pthread_mutex_unlock(&log->state);
    return -EIO;
}

int kfs_log_damage(struct kfs_log *log, struct kfs_error *err)
{
    (void)pthread_mutex_lock(&log->state);
    int code = log->failure.code;
    if (code != 0 && err != NULL)
        *err = log->failure;
    (void)pthread_mutex_unlock(&log->state);
    return -code;
}

static void free_log(struct kfs_log *log)
{
    for (size_t i = 0; i < log->n_segments; i++)
        kfs_segment_unref(log->segments[i]);
    free(log->segments);
    free(log->page);
    log->config.io->close(log->config.io->ctx, log->dir);
    (void)pthread_mutex_destroy(&log->append);
    (void)pthread_mutex_destroy(&log->sync);
    (void)pthread_mutex_destroy(&log->trim);
    (void)pthread_mutex_destroy(&log->state);
    free(log);
}

int kfs_log_open(const struct kfs_log_config *config, int dir, struct kfs_log **out, struct kfs_error *err)
{
    struct kfs_log *log = calloc(1, sizeof *log);

    if (log == NULL) {
        config->io->close(config->io->ctx, dir);
        return kfs_fail(err, ENOMEM, "out of memory");
    }
    log->config = *config;
    log->dir = dir;
    log->tail.seq = config->floor;
    (void)pthread_mutex_init(&log->append, NULL);
    (void)pthread_mutex_init(&log->sync, NULL);
    (void)pthread_mutex_init(&log->trim, NULL);
    (void)pthread_mutex_init(&log->state, NULL);
    int rc = kfs_log_recover(log, err);
    if (rc != 0) {
        free_log(log);
        return rc;
    }
    *out = log;
    return 0;
}

int kfs_log_close(struct kfs_log *log)
{
    int rc = 0;

    if (log == NULL)
        return 0;
    if (kfs_log_dirty(log))
        rc = kfs_log_sync(log, NULL);
    free_log(log);
    return rc;
}

void kfs_log_extent(struct kfs_log *log, struct kfs_log_extent *extent)
{
    (void)pthread_mutex_lock(&log->state);
    *extent = log->extent;
    (void)pthread_mutex_unlock(&log->state);
}

bool kfs_log_dirty(struct kfs_log *log)
{
    (void)pthread_mutex_lock(&log->state);
    bool dirty = log->dirty;
    (void)pthread_mutex_unlock(&log->state);
    return dirty;
}

int kfs_log_add_segment(struct kfs_log *log, struct kfs_segment *seg)
{
    int rc = 0;

    (void)pthread_mutex_lock(&log->state);
    if (log->n_segments == log->cap_segments) {
        size_t cap = log->cap_segments == 0 ? 4 : log->cap_segments * 2;
        struct kfs_segment **segments = realloc(log->segments, cap * sizeof(struct kfs_segment *));
        if (segments == NULL) {
            rc = -ENOMEM;
        } else {
            log->segments = segments;
            log->cap_segments = cap;
        }
    }
    if (rc == 0)
        log->segments[log->n_segments++] = seg;
    (void)pthread_mutex_unlock(&log->state);
    return rc;
}

/* Index of the last segment that begins at or before an offset. Under state. */
static size_t find_segment(const struct kfs_log *log, uint64_t offset)
{
    size_t low = 0;
    size_t high = log->n_segments;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (log->segments[middle]->base <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Whether a segment may go back to the state before loading: a sync needs the files of
 * those that are not sealed, and of the last that is. Under state. */
static bool may_unload(const struct kfs_log *log, size_t i)
{
    const struct kfs_segment *next = i + 1 < log->n_segments ? log->segments[i + 1] : NULL;

    return next != NULL && (!atomic_load(&next->loaded) || atomic_load(&next->sealed));
}

/* Puts *fresh in the place of the segment with a base, and that into *fresh, where it
 * may go; readers that have it keep it. False where it is needed. Under state. */
static bool unload(struct kfs_log *log, uint64_t base, struct kfs_segment **fresh)
{
    size_t i = find_segment(log, base);
    struct kfs_segment *seg = log->segments[i];

    if (seg->base != base)
        return true; /* retention has removed it */
    if (!may_unload(log, i))
        return false;
    (*fresh)->base = base;
    (*fresh)->data_size = seg->data_size;
    (*fresh)->last_arrival_ms = seg->last_arrival_ms;
    log->segments[i] = *fresh;
    *fresh = seg;
    return true;
}

void kfs_log_bound_files(struct kfs_log *log, struct kfs_segment *seg)
{
    if (atomic_exchange(&seg->listed, true))
        return;
    struct kfs_segment *fresh = kfs_segment_new(log->config.io, 0, seg->map_bytes);
    if (fresh == NULL)
        return; /* it stays open */
    (void)pthread_mutex_lock(&log->state);
    size_t place = log->n_open_sealed;
    if (place < KFS_LOG_SEALED_OPEN_MAX) {
        log->n_open_sealed++;
    } else {
        bool done = false; /* the second try does it, but in a damaged store */
        for (int i = 0; i < KFS_LOG_SEALED_OPEN_MAX && !done; i++) {
            place = log->oldest_open_sealed;
            log->oldest_open_sealed = (place + 1) % KFS_LOG_SEALED_OPEN_MAX;
            done = unload(log, log->open_sealed[place], &fresh);
        }
    }
    log->open_sealed[place] = seg->base;
    (void)pthread_mutex_unlock(&log->state);
    kfs_segment_unref(fresh);
}

/* Loads a referenced segment and completes its view; drops the reference on failure. */
static int load_view(struct kfs_log *log, struct kfs_segment_view *view, struct kfs_error *err)
{
    int rc = kfs_segment_load(view->seg, log->dir, err);

    if (rc != 0) {
        kfs_segment_unref(view->seg);
        view->seg = NULL;
        return rc;
    }
    if (view->index_size == 0)
        view->index_size = view->seg->index_size;
    if (atomic_load(&view->seg->sealed) && !atomic_load(&view->seg->listed))
        kfs_log_bound_files(log, view->seg);
    return 0;
}

/* Under state. */
static void take_view(struct kfs_log *log, size_t i, struct kfs_segment_view *view)
{
    struct kfs_segment *seg = kfs_segment_ref(log->segments[i]);

    *view = (struct kfs_segment_view){
        .seg = seg, .data_size = seg->data_size, .aggregates_from = log->extent.aggregates_from};
    /* A segment that is not yet loaded has its index size set by loading. */
    if (atomic_load(&seg->loaded))
        view->index_size = seg->index_size;
}

int kfs_log_view(struct kfs_log *log, uint64_t offset, struct kfs_segment_view *view, struct kfs_error *err)
{
    (void)pthread_mutex_lock(&log->state);
    uint64_t kept = log->extent.kept;
    bool empty = log->n_segments == 0;
    if (!empty && offset >= kept)
        take_view(log, find_segment(log, offset), view);
    (void)pthread_mutex_unlock(&log->state);

    if (offset < kept)
        return kfs_fail(err, ESTALE, "retention has removed the records up to offset %" PRIu64 "; open the file again",
                        kept);
    if (empty) {
        *view = (struct kfs_segment_view){0};
        return 0;
    }
    return load_view(log, view, err);
}

size_t kfs_log_segment_count(struct kfs_log *log)
{
    (void)pthread_mutex_lock(&log->state);
    size_t n = log->n_segments;
    (void)pthread_mutex_unlock(&log->state);
    return n;
}

int kfs_log_view_nth(struct kfs_log *log, size_t i, struct kfs_segment_view *view, struct kfs_error *err)
{
    *view = (struct kfs_segment_view){0};
    (void)pthread_mutex_lock(&log->state);
    if (i < log->n_segments)
        take_view(log, i, view);
    (void)pthread_mutex_unlock(&log->state);
    return view->seg == NULL ? 0 : load_view(log, view, err);
}
