/* Making a sound log of what a check has found: each segment is linked, given
 * another header, or written anew (FORMAT.md section 7). */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "backend/log/plan.h"
#include "backend/log/rewrite.h"

#define COPY_BYTES (256U << 10)

/* An offset of the old log, and what it is in the new one, as far as that is built: the end of what lay below it. */
struct mark {
    uint64_t old;
    uint64_t now;
};

/* Where the new log has got to. */
struct builder {
    struct kfs_check *check;
    int into;
    struct kfs_seq floor;
    size_t last; /* the newest segment that has records */
    uint64_t base;
    uint64_t first_record;
    struct mark horizon;
    struct mark aggregates;
    uint64_t arrival_ms; /* of the last record */
    struct kfs_seq seq;  /* the same */
};

/* ---- copying and linking ---- */

static int copy_range(const struct kfs_io *io, int from, int to, uint64_t begin, uint64_t end)
{
    char *buf = malloc(COPY_BYTES);
    int rc = buf == NULL ? -ENOMEM : 0;

    while (rc == 0 && begin < end) {
        size_t want = end - begin < COPY_BYTES ? (size_t)(end - begin) : COPY_BYTES;
        ssize_t n = io->pread(io->ctx, from, buf, want, begin);
        if (n <= 0) {
            rc = n < 0 ? (int)n : -EIO;
            break;
        }
        struct iovec iov = {buf, (size_t)n};
        rc = io->pwrite_all(io->ctx, to, &iov, 1, begin);
        begin += (uint64_t)n;
    }
    free(buf);
    return rc;
}

/* A file system without links gets a copy, synced. */
static int link_or_copy(const struct builder *b, const char *from, int from_fd, const char *to)
{
    const struct kfs_io *io = b->check->config.io;
    uint64_t size = 0;
    int rc = io->link(io->ctx, b->check->dir, from, b->into, to);

    if (rc != -EPERM && rc != -EOPNOTSUPP && rc != -ENOSYS && rc != -EMLINK)
        return rc;
    int fd = io->open(io->ctx, b->into, to, KFS_OPEN_NEW);
    if (fd < 0)
        return fd;
    rc = io->size(io->ctx, from_fd, &size);
    if (rc == 0)
        rc = copy_range(io, from_fd, fd, 0, size);
    if (rc == 0)
        rc = io->datasync(io->ctx, fd);
    io->close(io->ctx, fd);
    return rc;
}

static int link_data(struct builder *b, struct kfs_plan *plan, const struct kfs_segment *seg)
{
    const struct kfs_io *io = b->check->config.io;
    char from[KFS_SEGMENT_NAME_MAX];
    char to[KFS_SEGMENT_NAME_MAX];

    kfs_segment_data_name(plan->base, from);
    kfs_segment_data_name(b->base, to);
    int rc = link_or_copy(b, from, seg->data_fd, to);
    plan->data_linked = rc == 0;
    return rc == 0 ? io->datasync(io->ctx, seg->data_fd) : rc;
}

/* ---- the ways to keep a segment ---- */

static int keep(struct builder *b, struct kfs_plan *plan, const struct kfs_segment *seg)
{
    char name[KFS_SEGMENT_NAME_MAX];
    int rc = link_data(b, plan, seg);

    kfs_segment_index_name(plan->base, name);
    if (rc == 0)
        rc = link_or_copy(b, name, seg->index_fd, name);
    plan->index_linked = rc == 0;
    return rc;
}

/* The blocks as they are, behind another header and checkpoint. */
static int keep_blocks(struct builder *b, struct kfs_plan *plan, const struct kfs_segment *seg, bool sealed)
{
    const struct kfs_io *io = b->check->config.io;
    struct kfs_segment_header header = plan->header;
    struct kfs_checkpoint cp = {.generation = 1,
                                .data_size = plan->bytes,
                                .index_size = plan->index_end,
                                .records = plan->records,
                                .last_arrival_ms = plan->last_arrival_ms,
                                .sealed = sealed};
    uint8_t page[KFS_PAGE];
    struct iovec iov = {page, sizeof page};
    char name[KFS_SEGMENT_NAME_MAX];

    header.base = b->base;
    header.first_record = b->first_record;
    if (plan->state != KFS_HEADER_GOOD)
        header.floor = b->seq;
    kfs_header_encode(&header, page);
    kfs_checkpoint_encode(&cp, header.salt, page + kfs_checkpoint_slot(cp.generation));
    kfs_segment_index_name(b->base, name);
    int fd = io->open(io->ctx, b->into, name, KFS_OPEN_NEW);
    if (fd < 0)
        return fd;
    int rc = io->pwrite_all(io->ctx, fd, &iov, 1, 0);
    if (rc == 0)
        rc = copy_range(io, seg->index_fd, fd, KFS_PAGE, plan->index_end);
    if (rc == 0)
        rc = io->datasync(io->ctx, fd);
    io->close(io->ctx, fd);
    return rc == 0 ? link_data(b, plan, seg) : rc;
}

static void count_below(struct mark *mark, uint64_t offset, uint64_t bytes)
{
    if (offset < mark->old)
        mark->now += bytes;
}

/* Counts a record at an offset of the old segment that is kept. */
static void count(struct builder *b, const struct kfs_plan *plan, uint64_t offset, uint32_t len)
{
    count_below(&b->horizon, plan->base + offset, (uint64_t)len + 1);
    count_below(&b->aggregates, plan->base + offset, (uint64_t)len + 1);
}

/* The same of all records of a segment whose data file stays as it is. */
static void count_all(struct mark *mark, const struct kfs_plan *plan)
{
    if (mark->old > plan->base)
        mark->now += mark->old - plan->base < plan->bytes ? mark->old - plan->base : plan->bytes;
}

static int rewrite_records(struct builder *b, const struct kfs_plan *plan, struct kfs_segment *seg,
                           struct kfs_rewrite *rw)
{
    struct kfs_promise promise;
    struct kfs_salvage s;
    const char *data;
    uint64_t data_limit;
    uint64_t index_limit;
    int rc;

    kfs_plan_limits(plan, &data_limit, &index_limit, &promise);
    kfs_salvage_init(&s, seg, data_limit, index_limit, &promise);
    while ((rc = kfs_salvage_next(&s, &data)) == 1) {
        const struct kfs_rewrite_record record = {.seq = s.walk.place.seq,
                                                  .arrival_ms = s.walk.place.arrival_ms,
                                                  .key = s.walk.entry.key,
                                                  .data = data,
                                                  .len = s.walk.entry.length};
        count(b, plan, s.walk.place.data_offset, record.len);
        rc = kfs_rewrite_add(rw, &record);
        if (rc != 0)
            break;
    }
    kfs_salvage_release(&s);
    return rc;
}

/* A number after `last` and below `limit` (none: no limit). Where the positions between
 * them are used up the time in the number counts on: it only has to be another number. */
static struct kfs_seq number_after(const struct kfs_seq *last, const struct kfs_seq *limit, uint64_t time_s)
{
    struct kfs_seq next = *last;
    struct kfs_seq_parts parts;

    kfs_seq_advance(&next, time_s);
    if (kfs_seq_is_none(limit) || kfs_seq_cmp(&next, limit) < 0 || !kfs_seq_split(last, &parts))
        return next;
    parts.time_s++;
    return kfs_seq_make(&parts);
}

/* What lines are given: numbers and times that fit between those of their neighbours. */
struct frame {
    struct kfs_seq last;
    struct kfs_seq limit;
    uint64_t arrival_ms;
};

/* Lines count as arrived when the next segment began, or now: kept too long rather than too short. */
static struct frame frame_of(const struct builder *b, size_t i)
{
    const struct kfs_check *check = b->check;
    const struct kfs_clock *clock = check->config.clock;
    struct frame frame = {.last = b->seq, .arrival_ms = clock->wall_ms(clock->ctx)};
    struct kfs_seq_parts parts;

    for (size_t k = check->n; k > i + 1; k--) {
        const struct kfs_plan *later = &check->plans[k - 1];
        if (later->state != KFS_HEADER_NONE)
            frame.arrival_ms = later->header.created_ms;
        if (!kfs_seq_is_none(&later->first))
            frame.limit = later->first;
    }
    if (frame.arrival_ms < b->arrival_ms)
        frame.arrival_ms = b->arrival_ms;
    if (kfs_seq_is_none(&frame.limit)) {
        if (kfs_seq_cmp(&frame.last, &b->floor) < 0)
            frame.last = b->floor;
    } else if (kfs_seq_is_none(&frame.last) && kfs_seq_split(&frame.limit, &parts)) {
        parts.position = 0;
        frame.last = kfs_seq_make(&parts);
    }
    return frame;
}

static int rewrite_lines(struct builder *b, const struct kfs_plan *plan, struct kfs_segment *seg,
                         struct kfs_rewrite *rw, const struct frame *frame)
{
    struct kfs_rewrite_record record = {.seq = frame->last, .arrival_ms = frame->arrival_ms};
    struct kfs_promise promise;
    struct kfs_lines lines;
    uint64_t limit;
    uint64_t index;
    int rc;

    kfs_plan_limits(plan, &limit, &index, &promise);
    kfs_lines_init(&lines, seg, limit);
    while ((rc = kfs_lines_next(&lines, &record.data, &record.len)) == 1) {
        record.seq = number_after(&record.seq, &frame->limit, record.arrival_ms / 1000);
        count(b, plan, lines.at - record.len - 1, record.len);
        rc = kfs_rewrite_add(rw, &record);
        if (rc != 0)
            break;
    }
    kfs_lines_release(&lines);
    return rc;
}

static int rewrite(struct builder *b, size_t i, struct kfs_segment *seg, bool sealed)
{
    const struct kfs_check *check = b->check;
    struct kfs_plan *plan = &check->plans[i];
    struct frame frame = frame_of(b, i);
    struct kfs_segment_header header = plan->header;
    struct kfs_rewrite rw;

    header.base = b->base;
    header.first_record = b->first_record;
    if (plan->framed) {
        header.created_ms = frame.arrival_ms;
        header.floor = frame.last;
    } else if (plan->state != KFS_HEADER_GOOD) {
        header.floor = b->seq;
    }
    if (getrandom(&header.salt, sizeof header.salt, 0) != (ssize_t)sizeof header.salt)
        return -EIO;
    int rc = kfs_rewrite_init(&rw, check->config.io, b->into, &header);
    if (rc == 0)
        rc = plan->framed ? rewrite_lines(b, plan, seg, &rw, &frame) : rewrite_records(b, plan, seg, &rw);
    if (rc == 0)
        rc = kfs_rewrite_end(&rw, sealed);
    plan->last = rw.place.seq;
    plan->last_arrival_ms = rw.place.arrival_ms;
    kfs_rewrite_release(&rw);
    return rc;
}

/* ---- the log ---- */

/* Whether both files can go on as they are. */
static bool is_kept(const struct builder *b, const struct kfs_plan *plan, bool sealed)
{
    const struct kfs_checkpoint *cp = &plan->cp;

    if (plan->state != KFS_HEADER_GOOD || plan->base != b->base || plan->header.first_record != b->first_record ||
        cp->sealed != sealed)
        return false;
    return !sealed || (cp->data_size == plan->bytes && cp->index_size == plan->index_end);
}

static int add_segment(struct builder *b, size_t i)
{
    struct kfs_plan *plan = &b->check->plans[i];
    bool sealed = i < b->last;
    bool anew = plan->framed || plan->broken;
    struct kfs_segment *seg;
    int rc = kfs_plan_open(b->check, plan, &seg);

    if (rc != 0)
        return rc;
    if (anew)
        rc = rewrite(b, i, seg, sealed);
    else if (is_kept(b, plan, sealed))
        rc = keep(b, plan, seg);
    else
        rc = keep_blocks(b, plan, seg, sealed);
    kfs_segment_unref(seg);
    if (rc != 0)
        return rc;
    if (!anew) {
        count_all(&b->horizon, plan);
        count_all(&b->aggregates, plan);
    }
    b->base += plan->bytes;
    b->first_record += plan->records;
    b->seq = plan->last;
    b->arrival_ms = plan->last_arrival_ms;
    return 0;
}

/* A log that has lost all records goes on where it began, so that no offset comes again below. */
static int add_empty(const struct builder *b)
{
    const struct kfs_clock *clock = b->check->config.clock;
    struct kfs_segment_header header = {
        .base = b->base, .first_record = b->first_record, .created_ms = clock->wall_ms(clock->ctx), .floor = b->floor};
    struct kfs_rewrite rw;

    if (getrandom(&header.salt, sizeof header.salt, 0) != (ssize_t)sizeof header.salt)
        return -EIO;
    int rc = kfs_rewrite_init(&rw, b->check->config.io, b->into, &header);
    if (rc == 0)
        rc = kfs_rewrite_end(&rw, false);
    kfs_rewrite_release(&rw);
    return rc;
}

static int write_marks(const struct builder *b)
{
    const struct kfs_io *io = b->check->config.io;
    int rc = b->horizon.now > 0 ? kfs_mark_write(io, b->into, KFS_MARK_HORIZON, b->horizon.now) : 0;

    if (rc == 0 && b->aggregates.old != UINT64_MAX)
        rc = kfs_mark_write(io, b->into, KFS_MARK_AGGREGATES, b->aggregates.now);
    return rc;
}

int kfs_repair_build(struct kfs_check *check, const struct kfs_seq *floor, int into, struct kfs_error *err)
{
    const struct kfs_io *io = check->config.io;
    struct builder b = {.check = check, .into = into, .floor = *floor, .last = SIZE_MAX};
    int rc = 0;

    b.base = check->n > 0 ? check->plans[0].base : check->horizon;
    b.first_record = check->n > 0 ? check->plans[0].header.first_record : 0;
    b.horizon = (struct mark){check->horizon, b.base};
    b.aggregates = (struct mark){check->aggregates, b.base};
    b.seq = check->config.starting;
    for (size_t i = 0; i < check->n; i++) {
        if (check->plans[i].records > 0)
            b.last = i;
    }
    for (size_t i = 0; rc == 0 && i < check->n; i++) {
        if (check->plans[i].records > 0)
            rc = add_segment(&b, i);
    }
    if (rc == 0 && b.last == SIZE_MAX && b.base > 0)
        rc = add_empty(&b);
    if (rc == 0)
        rc = write_marks(&b);
    if (rc == 0)
        rc = io->sync_dir(io->ctx, into);
    return rc == 0 ? 0 : kfs_fail(err, -rc, "cannot write the repaired shard: %s", strerror(-rc));
}

void kfs_repair_prune(const struct kfs_check *check, int old)
{
    const struct kfs_io *io = check->config.io;
    char name[KFS_SEGMENT_NAME_MAX];

    for (size_t i = 0; i < check->n; i++) {
        const struct kfs_plan *plan = &check->plans[i];
        kfs_segment_data_name(plan->base, name);
        if (plan->data_linked)
            (void)io->unlink(io->ctx, old, name);
        kfs_segment_index_name(plan->base, name);
        if (plan->index_linked)
            (void)io->unlink(io->ctx, old, name);
    }
}
