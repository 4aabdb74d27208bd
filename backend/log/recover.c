/* Opening a log: which segments there are, and where the last valid record
 * ends. The rules are in docs/FORMAT.md section 4. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/logger.h"
#include "backend/log/log_internal.h"

struct listing {
    uint64_t *bases;
    size_t n;
    size_t cap;
};

static int note_base(void *arg, const char *name)
{
    struct listing *list = arg;
    uint64_t base;
    bool is_index;

    if (!kfs_segment_parse_name(name, &base, &is_index))
        return 0;
    for (size_t i = 0; i < list->n; i++) {
        if (list->bases[list->n - 1 - i] == base)
            return 0;
    }
    if (list->n == list->cap) {
        size_t cap = list->cap == 0 ? 16 : list->cap * 2;
        uint64_t *bases = realloc(list->bases, cap * sizeof *bases);
        if (bases == NULL)
            return -ENOMEM;
        list->bases = bases;
        list->cap = cap;
    }
    list->bases[list->n++] = base;
    return 0;
}

static int by_base(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

int kfs_log_remove_files(struct kfs_log *log, uint64_t base)
{
    const struct kfs_io *io = log->config.io;
    char name[KFS_SEGMENT_NAME_MAX];

    kfs_segment_index_name(base, name);
    int index_rc = io->unlink(io->ctx, log->dir, name);
    kfs_segment_data_name(base, name);
    int rc = io->unlink(io->ctx, log->dir, name);
    if (index_rc != 0 && index_rc != -ENOENT)
        return index_rc;
    return rc == -ENOENT ? 0 : rc;
}

/* Makes the segment objects, and removes what lies below the horizon. */
static int list_segments(struct kfs_log *log, uint64_t horizon)
{
    const struct kfs_io *io = log->config.io;
    struct listing list = {0};
    int rc = io->list(io->ctx, log->dir, note_base, &list);

    if (rc != 0)
        goto out;
    if (list.n > 1)
        qsort(list.bases, list.n, sizeof *list.bases, by_base);
    for (size_t i = 0; i < list.n; i++) {
        bool last = i + 1 == list.n;
        if (!last && list.bases[i + 1] <= horizon) {
            (void)kfs_log_remove_files(log, list.bases[i]);
            continue;
        }
        struct kfs_segment *seg = kfs_segment_new(io, list.bases[i], log->config.segment_bytes + KFS_SEGMENT_SLACK);
        rc = seg == NULL ? -ENOMEM : kfs_log_add_segment(log, seg);
        if (rc != 0) {
            kfs_segment_unref(seg);
            goto out;
        }
        seg->data_size = last ? 0 : list.bases[i + 1] - list.bases[i];
    }
out:
    free(list.bases);
    return rc;
}

/* Where the valid records of a segment end. */
struct end {
    uint64_t data_size;
    uint64_t index_size;
    uint64_t records;
    struct kfs_place last; /* of the last record, where records > 0 */
    uint32_t chain;
    bool damaged; /* the end lies before the checkpoint */
};

/* Walks from the checkpoint to the first record that is not whole. The last record
 * before the checkpoint is verified too: what is appended next builds on it. */
static int find_end(struct kfs_segment *seg, struct end *end)
{
    const struct kfs_io *io = seg->io;
    const struct kfs_checkpoint *cp = &seg->checkpoint;
    uint64_t index_size;
    uint64_t data_size;
    struct kfs_walk walk;
    const char *data;

    io->drop_clean(io->ctx, seg->index_fd);
    io->drop_clean(io->ctx, seg->data_fd);
    int rc = io->size(io->ctx, seg->index_fd, &index_size);
    if (rc == 0)
        rc = io->size(io->ctx, seg->data_fd, &data_size);
    if (rc != 0)
        return rc;

    struct kfs_window window = {.seg = seg, .size = data_size};
    *end = (struct end){.index_size = KFS_PAGE, .chain = seg->header.salt};
    kfs_walk_init(&walk, seg, index_size);
    rc = kfs_walk_to_page(&walk, cp->index_size > KFS_PAGE ? (cp->index_size - 1) / KFS_PAGE : 1);
    while (rc == 1) {
        uint64_t record_end = kfs_walk_end(&walk);
        if (walk.place.record + 1 >= cp->records && kfs_verify_record(&walk, &window, &data) != 0)
            break;
        if (walk.place.record + 1 == cp->records && record_end != cp->data_size)
            break;
        end->data_size = record_end;
        end->index_size = walk.page_no * KFS_PAGE + walk.at + walk.entry.size;
        end->records = walk.place.record + 1;
        end->last = walk.place;
        end->chain = walk.entry.checksum;
        rc = kfs_walk_next(&walk);
    }
    end->damaged = end->data_size < cp->data_size || end->records < cp->records;
    rc = walk.failure != 0 ? walk.failure : window.failure; /* not the end of the records: nothing may be cut */
    kfs_window_release(&window);
    kfs_walk_release(&walk);
    return rc;
}

/* Cuts both files to their valid size, durably, so that nothing left over can come back. */
static int cut(struct kfs_segment *seg, const struct end *end)
{
    const struct kfs_io *io = seg->io;
    uint64_t index_size = 0;
    uint64_t data_size = 0;

    int rc = io->size(io->ctx, seg->index_fd, &index_size);
    if (rc == 0)
        rc = io->size(io->ctx, seg->data_fd, &data_size);
    if (rc != 0 || (index_size == end->index_size && data_size == end->data_size))
        return rc;
    kfs_log(KFS_LOG_WARNING,
            "segment %020" PRIu64 ": cut %" PRIu64 " bytes of a write that had not finished, after %" PRIu64 " bytes",
            seg->base, data_size - end->data_size, end->data_size);
    rc = io->truncate(io->ctx, seg->index_fd, end->index_size);
    if (rc == 0)
        rc = io->truncate(io->ctx, seg->data_fd, end->data_size);
    if (rc == 0)
        rc = io->datasync(io->ctx, seg->index_fd);
    if (rc == 0)
        rc = io->datasync(io->ctx, seg->data_fd);
    return rc;
}

/* Whether something in segment i or later was ever synced. */
static bool ever_synced(struct kfs_log *log, size_t i)
{
    for (; i < log->n_segments; i++) {
        const struct kfs_segment *seg = log->segments[i];
        if (kfs_segment_load(log->segments[i], log->dir, NULL) != 0 ? seg->unreadable : seg->checkpoint.generation > 0)
            return true;
    }
    return false;
}

/* Removes the segments from i on, durably, so that none comes back behind what is appended next. */
static int discard_from(struct kfs_log *log, size_t i)
{
    int rc = 0;

    while (log->n_segments > i && rc == 0) {
        struct kfs_segment *seg = log->segments[--log->n_segments];
        kfs_log(KFS_LOG_WARNING, "segment %020" PRIu64 ": removed, nothing that a sync returned for was in it",
                seg->base);
        rc = kfs_log_remove_files(log, seg->base);
        kfs_segment_unref(seg);
    }
    return rc == 0 ? log->config.io->sync_dir(log->config.io->ctx, log->dir) : rc;
}

/* Size of a file; 0 where it is missing. */
static int size_of(struct kfs_log *log, const char *name, uint64_t *size)
{
    const struct kfs_io *io = log->config.io;
    int fd = io->open(io->ctx, log->dir, name, KFS_OPEN_READ);

    *size = 0;
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    int rc = io->size(io->ctx, fd, size);
    io->close(io->ctx, fd);
    return rc;
}

/* Whether the log is one segment that was still being made: it has room for no record. */
static bool never_began(struct kfs_log *log)
{
    char name[KFS_SEGMENT_NAME_MAX];
    uint64_t index_size;
    uint64_t data_size;

    if (log->n_segments != 1 || log->segments[0]->base != 0)
        return false;
    kfs_segment_index_name(0, name);
    if (size_of(log, name, &index_size) != 0)
        return false;
    kfs_segment_data_name(0, name);
    return size_of(log, name, &data_size) == 0 && index_size <= KFS_PAGE && data_size == 0;
}

/* Whether a segment that cannot be loaded was never synced, nor anything after it. */
static bool is_unborn(struct kfs_log *log, size_t i)
{
    if (i == 0)
        return never_began(log);
    return !log->segments[i - 1]->checkpoint.sealed && !ever_synced(log, i);
}

/* A segment that cannot be trusted: readers get what its size claims and -EIO where it fails them. */
static void set_damaged(struct kfs_log *log, size_t i)
{
    struct kfs_segment *seg = log->segments[i];
    const struct kfs_io *io = log->config.io;
    char name[KFS_SEGMENT_NAME_MAX];

    if (i + 1 < log->n_segments)
        return; /* its size is given by the next one's base */
    seg->data_size = seg->checkpoint.data_size;
    if (seg->data_size > 0)
        return;
    kfs_segment_data_name(seg->base, name);
    int fd = io->open(io->ctx, log->dir, name, KFS_OPEN_READ);
    if (fd >= 0) {
        (void)io->size(io->ctx, fd, &seg->data_size);
        io->close(io->ctx, fd);
    }
    if (seg->data_size == 0)
        seg->data_size = 1; /* so that a reader does not mistake it for an empty one */
}

/* Takes what find_end found as the state of segment i, and of the log's tail. */
static void adopt(struct kfs_log *log, size_t i, const struct end *end)
{
    struct kfs_segment *seg = log->segments[i];
    uint64_t arrival = end->records > 0 ? end->last.arrival_ms : seg->header.created_ms;
    const struct kfs_seq *seq = end->records > 0 ? &end->last.seq : &seg->header.floor;

    seg->data_size = end->data_size;
    seg->index_size = end->index_size;
    seg->records = end->records;
    seg->last_arrival_ms = end->records > 0 ? end->last.arrival_ms : 0;
    log->tail = (struct kfs_place){
        .data_offset = end->data_size, .record = end->records, .arrival_ms = arrival, .seq = *seq, .chain = end->chain};
}

/* Segment i could not be loaded, and why: it is a new one whose header did not reach
 * the disk, and goes with all after it, or it is damaged. */
static int settle_unloadable(struct kfs_log *log, size_t i, const struct kfs_error *why, bool *sound)
{
    if (!log->segments[i]->unreadable && is_unborn(log, i))
        return discard_from(log, i);
    *sound = false;
    (void)kfs_log_poison(log, "%s", why->text);
    set_damaged(log, i);
    return 0;
}

/* Takes over what find_end found in segment i, and cuts the rest where the records
 * end here. *sound becomes false where they are damaged. */
static int settle(struct kfs_log *log, size_t i, const struct end *end, bool *sound)
{
    struct kfs_segment *seg = log->segments[i];
    bool last = i + 1 == log->n_segments;
    bool torn = !last && seg->base + end->data_size != log->segments[i + 1]->base;
    int rc = 0;

    if (end->damaged || (torn && ever_synced(log, i + 1))) {
        (void)kfs_log_poison(
            log, "segment %020" PRIu64 " is damaged after %" PRIu64 " bytes; run fsck.kinesisfs on the store",
            seg->base, end->data_size);
        *sound = false;
        set_damaged(log, i);
        return 0;
    }
    if (torn)
        rc = discard_from(log, i + 1);
    if (rc == 0 && (last || torn))
        rc = cut(seg, end);
    if (rc != 0)
        return rc;
    adopt(log, i, end);
    if (end->data_size > seg->checkpoint.data_size)
        log->dirty = true;
    return 0;
}

/* A segment behind damage: nothing is cut or written, but its records can be read. */
static int look_past(struct kfs_log *log, size_t i)
{
    struct kfs_segment *seg = log->segments[i];
    struct end end;
    int rc = kfs_segment_load(seg, log->dir, NULL);

    if (rc == 0)
        rc = find_end(seg, &end);
    if (rc != 0 && (rc != -EIO || seg->unreadable))
        return rc;
    if (rc != 0 || end.damaged) {
        set_damaged(log, i);
    } else if (i + 1 < log->n_segments) {
        seg->index_size = end.index_size;
        seg->records = end.records;
    } else {
        adopt(log, i, &end);
    }
    return 0;
}

static int recover_segment(struct kfs_log *log, size_t i, bool *sound)
{
    struct kfs_segment *seg = log->segments[i];
    struct kfs_error why;
    struct end end;

    if (!*sound)
        return look_past(log, i);
    int rc = kfs_segment_load(seg, log->dir, &why);
    if (rc == -EIO)
        return settle_unloadable(log, i, &why, sound);
    if (rc == 0)
        rc = find_end(seg, &end);
    return rc == 0 ? settle(log, i, &end, sound) : rc;
}

/* Recovers segments from i on. Where records end the rest is cut, unless there was damage. */
static int recover_from(struct kfs_log *log, size_t i, struct kfs_error *err)
{
    bool sound = true;

    for (; i < log->n_segments; i++) {
        uint64_t base = log->segments[i]->base;
        int rc = recover_segment(log, i, &sound);
        if (rc != 0)
            return kfs_fail(err, -rc, "cannot recover segment %020" PRIu64 ": %s", base, strerror(-rc));
    }
    return 0;
}

/* The oldest segment that may hold unsynced records: after the last sealed one. */
static size_t first_unsealed(struct kfs_log *log)
{
    size_t i = log->n_segments;

    while (i > 0) {
        struct kfs_segment *seg = log->segments[i - 1];
        if (kfs_segment_load(seg, log->dir, NULL) == 0 && seg->checkpoint.sealed)
            break;
        i--;
    }
    return i;
}

/* Offsets and numbers of the log, from its segments. */
static void set_extent(struct kfs_log *log, uint64_t horizon)
{
    struct kfs_log_extent *x = &log->extent;
    struct kfs_segment *last = log->n_segments > 0 ? log->segments[log->n_segments - 1] : NULL;

    x->kept = log->n_segments > 0 ? log->segments[0]->base : horizon;
    x->end = last != NULL ? last->base + last->data_size : horizon;
    x->horizon = horizon > x->kept ? horizon : x->kept;
    if (x->horizon > x->end) {
        (void)kfs_log_poison(log, "records up to offset %" PRIu64 " are missing; run fsck.kinesisfs on the store",
                             horizon);
        x->horizon = x->end;
    }
    if (horizon < x->kept)
        (void)kfs_log_poison(
            log, "segments between offset %" PRIu64 " and %" PRIu64 " are missing; run fsck.kinesisfs on the store",
            horizon, x->kept);
    if (last == NULL) {
        if (horizon > 0)
            (void)kfs_log_poison(log, "all segments are missing; run fsck.kinesisfs on the store");
        return;
    }
    x->next_record = last->header.first_record + last->records;
    x->last = log->tail.seq;
    x->last_arrival_ms = x->next_record > 0 ? log->tail.arrival_ms : 0;
    if (kfs_seq_cmp(&log->tail.seq, &log->config.floor) < 0)
        log->tail.seq = log->config.floor;
}

/* A mark that cannot be read is as good as one at the beginning: more is looked at than has to be. */
static void read_aggregates(struct kfs_log *log)
{
    int rc = kfs_mark_read(log->config.io, log->dir, KFS_MARK_AGGREGATES, &log->extent.aggregates_from);

    if (rc != 0)
        log->extent.aggregates_from = rc == -ENOENT ? UINT64_MAX : 0;
}

int kfs_log_recover(struct kfs_log *log, struct kfs_error *err)
{
    uint64_t horizon = 0;
    int rc = kfs_mark_read(log->config.io, log->dir, KFS_MARK_HORIZON, &horizon);

    if (rc != 0 && rc != -ENOENT)
        (void)kfs_log_poison(log, "the file horizon is damaged; run fsck.kinesisfs on the store");
    log->written_horizon = horizon;
    read_aggregates(log);
    rc = list_segments(log, horizon);
    if (rc != 0)
        return kfs_fail(err, -rc, "cannot list the shard's directory: %s", strerror(-rc));
    size_t i = first_unsealed(log);
    if (i == log->n_segments && i > 0) {
        /* A sealed segment is never the last: the one after it is missing. */
        (void)kfs_log_poison(log, "the newest segment is missing; run fsck.kinesisfs on the store");
        log->segments[i - 1]->data_size = log->segments[i - 1]->checkpoint.data_size;
    }
    rc = recover_from(log, i, err);
    if (rc != 0)
        return rc;
    set_extent(log, horizon);
    if (kfs_log_set_horizon(log, log->extent.horizon) != 0)
        (void)kfs_log_poison(log, "the record at offset %" PRIu64 " is damaged; run fsck.kinesisfs on the store",
                             log->extent.horizon);
    if (log->failure.code != 0)
        (void)kfs_log_fit_ordinals(log);
    return 0;
}
