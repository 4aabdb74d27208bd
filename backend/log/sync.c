/* Making records durable, and saying so in checkpoints (FORMAT.md, invariants 4, 5 and 7). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/log/log_internal.h"

/* A segment and how much of it a sync is to cover. */
struct pending {
    struct kfs_segment *seg; /* a reference */
    struct kfs_checkpoint cp;
};

/* The segments that hold unsynced records, oldest first, with what they held now. */
static int snapshot(struct kfs_log *log, struct pending **out, size_t *n)
{
    (void)pthread_mutex_lock(&log->state);
    size_t first = log->n_segments;
    while (first > 0 && !log->segments[first - 1]->checkpoint.sealed)
        first--;
    /* A seal that was found at opening may be in the page cache only. */
    if (first > 0 && !log->segments[first - 1]->name_synced)
        first--;
    *n = log->n_segments - first;
    struct pending *pending = calloc(*n + 1, sizeof *pending);
    for (size_t i = 0; pending != NULL && i < *n; i++) {
        struct kfs_segment *seg = kfs_segment_ref(log->segments[first + i]);
        bool is_active = first + i + 1 == log->n_segments;
        pending[i].seg = seg;
        pending[i].cp = (struct kfs_checkpoint){
            .data_size = seg->data_size,
            .index_size = seg->index_size,
            .records = seg->records,
            .last_arrival_ms = seg->last_arrival_ms,
            .sealed = !is_active,
        };
    }
    if (pending != NULL)
        log->dirty = false;
    (void)pthread_mutex_unlock(&log->state);
    *out = pending;
    return pending == NULL ? -ENOMEM : 0;
}

static int sync_segment(struct kfs_log *log, const struct pending *p)
{
    const struct kfs_io *io = log->config.io;
    int rc = 0;

    if (p->cp.data_size > p->seg->synced_data || !p->seg->name_synced) {
        io->write_hint(io->ctx, p->seg->index_fd);
        rc = io->datasync(io->ctx, p->seg->data_fd);
        if (rc == 0)
            rc = io->datasync(io->ctx, p->seg->index_fd);
        if (rc == 0)
            p->seg->synced_data = p->cp.data_size;
    }
    if (rc == 0 && !p->seg->name_synced) {
        rc = io->sync_dir(io->ctx, log->dir);
        p->seg->name_synced = rc == 0;
    }
    return rc;
}

/* A seal is made durable before the next one is written: opening looks at no
 * segment before the newest sealed one. */
static int seal(struct kfs_log *log, struct pending *p)
{
    const struct kfs_io *io = log->config.io;
    int rc = kfs_segment_checkpoint(p->seg, &p->cp);

    if (rc == 0)
        rc = io->datasync(io->ctx, p->seg->index_fd);
    if (rc == 0) {
        atomic_store(&p->seg->sealed, true);
        kfs_log_bound_files(log, p->seg);
    }
    return rc;
}

/* Checkpoints are written after every segment is safe, so that a sealed one
 * proves that the header of the next is on the disk. */
static int sync_all(struct kfs_log *log, struct pending *pending, size_t n)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = sync_segment(log, &pending[i]);
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct kfs_checkpoint *old = &pending[i].seg->checkpoint;
        if (pending[i].cp.data_size == old->data_size && pending[i].cp.sealed == old->sealed && old->generation > 0)
            continue;
        if (pending[i].cp.sealed)
            rc = seal(log, &pending[i]);
        else /* only a hint for recovery: without it more is scanned */
            (void)kfs_segment_checkpoint(pending[i].seg, &pending[i].cp);
    }
    return rc;
}

int kfs_log_sync(struct kfs_log *log, struct kfs_error *err)
{
    struct pending *pending = NULL;
    size_t n = 0;

    (void)pthread_mutex_lock(&log->sync);
    int rc = kfs_log_damage(log, err);
    if (rc == 0)
        rc = snapshot(log, &pending, &n);
    if (rc == 0) {
        rc = sync_all(log, pending, n);
        if (rc != 0)
            rc = kfs_log_poison(log,
                                "a sync failed (%s); records since the last one may be lost; mount again to recover",
                                strerror(-rc));
        if (rc != 0) {
            (void)kfs_log_damage(log, err);
            (void)pthread_mutex_lock(&log->state);
            log->dirty = true;
            (void)pthread_mutex_unlock(&log->state);
        }
    }
    for (size_t i = 0; i < n; i++)
        kfs_segment_unref(pending[i].seg);
    free(pending);
    (void)pthread_mutex_unlock(&log->sync);
    return rc;
}
