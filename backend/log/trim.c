/* Retention: moving the horizon forward, and removing what lies below it (FORMAT.md section 5). */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/log/log_internal.h"

bool kfs_log_fit_ordinals(struct kfs_log *log)
{
    struct kfs_log_extent *x = &log->extent;
    const struct kfs_log_extent was = *x;

    if (x->horizon == x->end)
        x->first_record = x->next_record;
    else if (x->next_record <= x->first_record)
        x->next_record = x->first_record + 1;
    return x->first_record == was.first_record && x->next_record == was.next_record;
}

int kfs_log_set_horizon(struct kfs_log *log, uint64_t horizon)
{
    struct kfs_segment_view view;
    struct kfs_walk walk;
    uint64_t arrival = 0;
    int rc = kfs_log_view(log, horizon, &view, NULL);

    if (rc != 0 || view.seg == NULL)
        return rc;
    uint64_t record = view.seg->header.first_record;
    struct kfs_aim aim = {.at = KFS_AIM_OFFSET, .value = horizon - view.seg->base};
    kfs_walk_init(&walk, view.seg, view.index_size);
    rc = kfs_walk_seek(&walk, &aim);
    if (rc == 1) {
        record += walk.place.record;
        arrival = walk.place.arrival_ms;
    } else if (rc == 0 && walk.page_no != 0) {
        record += walk.place.record + 1; /* the tip */
    }
    kfs_walk_release(&walk);
    kfs_segment_unref(view.seg);
    if (rc < 0)
        return rc;

    bool fits = true;
    (void)pthread_mutex_lock(&log->state);
    if (horizon >= log->extent.horizon) {
        log->extent.horizon = horizon;
        log->extent.first_record = record;
        log->horizon_arrival_ms = arrival;
        fits = kfs_log_fit_ordinals(log);
    }
    (void)pthread_mutex_unlock(&log->state);
    if (!fits)
        (void)kfs_log_poison(log, "the ordinals of records do not fit; run fsck.kinesisfs on the store");
    return 0;
}

/* Takes the segments wholly below the horizon out of the log. Returns how many, in *removed. */
static struct kfs_segment **take_below_horizon(struct kfs_log *log, size_t *n)
{
    struct kfs_segment **removed = NULL;

    *n = 0;
    (void)pthread_mutex_lock(&log->state);
    while (*n + 1 < log->n_segments && log->segments[*n + 1]->base <= log->extent.horizon)
        (*n)++;
    if (*n > 0)
        removed = calloc(*n, sizeof(struct kfs_segment *));
    if (removed != NULL) {
        memcpy(removed, log->segments, *n * sizeof(struct kfs_segment *));
        log->n_segments -= *n;
        memmove(log->segments, log->segments + *n, log->n_segments * sizeof(struct kfs_segment *));
        log->extent.kept = log->segments[0]->base;
    }
    (void)pthread_mutex_unlock(&log->state);
    return removed;
}

/* Writes the horizon where something is removed or it must last, then removes. All is
 * synced before: after a power loss the log must not end below its horizon. */
static int apply(struct kfs_log *log, bool durable, struct kfs_error *err)
{
    struct kfs_log_extent extent;
    size_t n = 0;

    kfs_log_extent(log, &extent);
    (void)pthread_mutex_lock(&log->state);
    bool removes = log->n_segments > 1 && log->segments[1]->base <= extent.horizon;
    (void)pthread_mutex_unlock(&log->state);
    if (!removes && !(durable && extent.horizon > log->written_horizon))
        return 0;
    int rc = kfs_log_sync(log, err);
    if (rc != 0)
        return rc;
    rc = kfs_mark_write(log->config.io, log->dir, KFS_MARK_HORIZON, extent.horizon);
    if (rc != 0)
        return kfs_fail(err, -rc, "cannot write the horizon: %s", strerror(-rc));
    log->written_horizon = extent.horizon;
    struct kfs_segment **removed = take_below_horizon(log, &n);
    if (removed == NULL)
        return 0;
    for (size_t i = 0; i < n; i++) {
        (void)kfs_log_remove_files(log, removed[i]->base);
        kfs_segment_unref(removed[i]);
    }
    free(removed);
    return 0;
}

bool kfs_log_has_expired(struct kfs_log *log, uint64_t cutoff_ms)
{
    (void)pthread_mutex_lock(&log->state);
    bool expired = log->extent.horizon < log->extent.end && log->horizon_arrival_ms < cutoff_ms;
    (void)pthread_mutex_unlock(&log->state);
    return expired;
}

int kfs_log_trim_age(struct kfs_log *log, uint64_t cutoff_ms, bool durable, struct kfs_error *err)
{
    struct kfs_position position = {.type = KFS_AT_TIME, .time_ms = cutoff_ms};
    struct kfs_log_reader *reader;
    uint64_t horizon;
    int rc = 0;

    (void)pthread_mutex_lock(&log->trim);
    if (kfs_log_has_expired(log, cutoff_ms)) {
        rc = kfs_log_reader_open(log, &reader);
        if (rc == 0) {
            rc = kfs_log_locate(reader, &position, &horizon, err);
            kfs_log_reader_close(reader);
        }
        if (rc == 0)
            rc = kfs_log_set_horizon(log, horizon);
    }
    if (rc == 0)
        rc = apply(log, durable, err);
    (void)pthread_mutex_unlock(&log->trim);
    return rc;
}

int kfs_log_trim_size(struct kfs_log *log, uint64_t bytes, struct kfs_error *err)
{
    (void)pthread_mutex_lock(&log->trim);
    (void)pthread_mutex_lock(&log->state);
    uint64_t horizon = log->extent.horizon;
    for (size_t i = 0; i + 1 < log->n_segments && log->extent.end - log->segments[i]->base > bytes; i++) {
        if (log->segments[i + 1]->base > horizon)
            horizon = log->segments[i + 1]->base;
    }
    bool moves = horizon > log->extent.horizon;
    (void)pthread_mutex_unlock(&log->state);
    int rc = moves ? kfs_log_set_horizon(log, horizon) : 0;
    if (rc == 0)
        rc = apply(log, false, err);
    (void)pthread_mutex_unlock(&log->trim);
    return rc;
}

int kfs_log_trim_to(struct kfs_log *log, uint64_t offset, bool durable, struct kfs_error *err)
{
    (void)pthread_mutex_lock(&log->trim);
    (void)pthread_mutex_lock(&log->state);
    bool moves = offset > log->extent.horizon && offset <= log->extent.end;
    (void)pthread_mutex_unlock(&log->state);
    int rc = moves ? kfs_log_set_horizon(log, offset) : 0;
    if (rc == 0)
        rc = apply(log, durable, err);
    (void)pthread_mutex_unlock(&log->trim);
    return rc;
}
