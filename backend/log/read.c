/* Reading: by position and by record. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/aggregate.h"
#include "backend/log/log_internal.h"

#define RESERVE_RECORD 256         /* bytes that a record is guessed to have where no other tells */
#define SPAN_MAX ((size_t)1 << 20) /* bytes of data that are read at once, unless one record has more */

int kfs_log_reader_open(struct kfs_log *log, struct kfs_log_reader **out)
{
    struct kfs_log_reader *reader = calloc(1, sizeof *reader);

    if (reader == NULL)
        return -ENOMEM;
    reader->log = log;
    atomic_fetch_add(&log->readers, 1);
    *out = reader;
    return 0;
}

void kfs_log_reader_close(struct kfs_log_reader *reader)
{
    if (reader == NULL)
        return;
    atomic_fetch_sub(&reader->log->readers, 1);
    kfs_walk_release(&reader->walk);
    kfs_walk_release(&reader->ends);
    kfs_segment_unref(reader->view.seg);
    free(reader);
}

/* Makes the reader look at a view, whose reference it takes. Keeps the walk
 * where it is the segment it was in. */
static void look_at(struct kfs_log_reader *reader, struct kfs_segment_view *view)
{
    if (view->seg == reader->view.seg) {
        kfs_segment_unref(view->seg);
        reader->view.data_size = view->data_size;
        reader->view.index_size = view->index_size;
        reader->view.aggregates_from = view->aggregates_from;
        reader->walk.limit = view->index_size;
        reader->ends.limit = view->index_size;
        return;
    }
    kfs_walk_release(&reader->walk);
    kfs_walk_release(&reader->ends);
    kfs_segment_unref(reader->view.seg);
    reader->view = *view;
    reader->sound_from = 0;
    reader->sound_to = 0;
    kfs_walk_init(&reader->walk, view->seg, view->index_size);
    kfs_walk_init(&reader->ends, view->seg, view->index_size);
}

int kfs_log_look_at(struct kfs_log_reader *reader, uint64_t offset, struct kfs_error *err)
{
    struct kfs_segment_view view;
    int rc = kfs_log_view(reader->log, offset, &view, err);

    if (rc == 0 && view.seg != NULL)
        look_at(reader, &view);
    return rc;
}

int kfs_log_damaged(const struct kfs_log_reader *reader, uint64_t in_segment, struct kfs_error *err)
{
    return kfs_fail(err, EIO,
                    "the store is damaged at offset %" PRIu64 " of the shard; run fsck.kinesisfs on the store",
                    reader->view.seg->base + in_segment);
}

/* After a walk has come to its end: whether the index lacks the last records of the segment. */
static bool ends_early(const struct kfs_log_reader *reader)
{
    uint64_t end = reader->walk.page_no != 0 ? kfs_walk_end(&reader->walk) : 0;

    return end != reader->view.data_size;
}

/* ---- positions ---- */

/* Whether a segment may hold records before the aim. What a header knows of its first
 * record: created_ms is no later than its arrival, floor is below its number. */
static bool begins_before(const struct kfs_segment_header *header, const struct kfs_aim *aim)
{
    if (aim->at == KFS_AIM_RECORD)
        return header->first_record <= aim->value;
    if (aim->at == KFS_AIM_TIME)
        return header->created_ms < aim->value;
    return kfs_seq_cmp(&header->floor, &aim->seq) < 0;
}

/* Looks at the last segment that begins before the aim, or the first one. */
static int find_segment(struct kfs_log_reader *reader, const struct kfs_aim *aim, struct kfs_error *err)
{
    size_t low = 0;
    size_t high = kfs_log_segment_count(reader->log);
    struct kfs_segment_view view;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        int rc = kfs_log_view_nth(reader->log, middle, &view, err);
        if (rc != 0)
            return rc;
        if (view.seg != NULL && begins_before(&view.seg->header, aim))
            low = middle;
        else
            high = middle;
        kfs_segment_unref(view.seg);
    }
    int rc = kfs_log_view_nth(reader->log, low, &view, err);
    if (rc == 0 && view.seg != NULL)
        look_at(reader, &view);
    return rc;
}

/* The offset of the first record not before the aim, or the end of its segment. */
static int locate_aim(struct kfs_log_reader *reader, struct kfs_aim *aim, uint64_t *offset, struct kfs_error *err)
{
    int rc = find_segment(reader, aim, err);

    if (rc != 0)
        return rc;
    if (reader->view.seg == NULL) {
        *offset = 0;
        return 0;
    }
    if (aim->at == KFS_AIM_RECORD)
        aim->value -=
            aim->value > reader->view.seg->header.first_record ? reader->view.seg->header.first_record : aim->value;
    rc = kfs_walk_seek(&reader->walk, aim);
    if (rc == 0 && ends_early(reader))
        rc = -EIO;
    if (rc < 0)
        return rc == -EIO ? kfs_log_damaged(reader, 0, err) : rc;
    *offset = reader->view.seg->base + (rc == 1 ? reader->walk.place.data_offset : reader->view.data_size);
    return 0;
}

static int locate_offset(struct kfs_log_reader *reader, uint64_t wanted, uint64_t *offset, struct kfs_error *err)
{
    struct kfs_aim aim = {.at = KFS_AIM_OFFSET};
    int rc = kfs_log_look_at(reader, wanted, err);

    if (rc != 0 || reader->view.seg == NULL) {
        *offset = wanted;
        return rc;
    }
    aim.value = wanted - reader->view.seg->base;
    rc = kfs_walk_seek(&reader->walk, &aim);
    if (rc == 0 && ends_early(reader))
        rc = -EIO;
    if (rc < 0)
        return rc == -EIO ? kfs_log_damaged(reader, aim.value, err) : rc;
    *offset = reader->view.seg->base + (rc == 1 ? reader->walk.place.data_offset : reader->view.data_size);
    return 0;
}

/* The number after seq; the highest stays. */
static struct kfs_seq plus_one(const struct kfs_seq *seq)
{
    struct kfs_seq next = *seq;

    for (size_t i = KFS_SEQ_BYTES; i > 0; i--) {
        if (++next.b[i - 1] != 0)
            return next;
    }
    return *seq;
}

static int locate(struct kfs_log_reader *reader, const struct kfs_position *position, const struct kfs_log_extent *now,
                  uint64_t *offset, struct kfs_error *err)
{
    const struct kfs_log_extent extent = *now;
    struct kfs_aim aim = {.at = KFS_AIM_SEQ, .seq = position->seq};
    uint64_t found = 0;
    int rc = 0;

    switch (position->type) {
    case KFS_AT_HORIZON:
        found = extent.horizon;
        break;
    case KFS_AT_LATEST:
        found = extent.end;
        break;
    case KFS_AFTER_SEQUENCE:
        aim.seq = plus_one(&position->seq);
        rc = locate_aim(reader, &aim, &found, err);
        break;
    case KFS_AT_SEQUENCE:
        rc = locate_aim(reader, &aim, &found, err);
        break;
    case KFS_AT_TIME:
        aim = (struct kfs_aim){.at = KFS_AIM_TIME, .value = position->time_ms};
        rc = locate_aim(reader, &aim, &found, err);
        break;
    case KFS_AT_OFFSET:
        found = position->offset < extent.horizon ? extent.horizon : position->offset;
        rc = found >= extent.end ? 0 : locate_offset(reader, found, &found, err);
        break;
    case KFS_LAST_RECORDS:
        aim = (struct kfs_aim){.at = KFS_AIM_RECORD};
        aim.value = position->count < extent.next_record ? extent.next_record - position->count : 0;
        rc = position->count == 0 ? 0 : locate_aim(reader, &aim, &found, err);
        if (position->count == 0)
            found = extent.end;
        break;
    }
    if (rc != 0)
        return rc;
    if (found > extent.end)
        found = extent.end;
    *offset = found < extent.horizon ? extent.horizon : found;
    return 0;
}

int kfs_log_locate(struct kfs_log_reader *reader, const struct kfs_position *position, uint64_t *offset,
                   struct kfs_error *err)
{
    struct kfs_log_extent before;
    struct kfs_log_extent after;
    int rc;

    /* Segments are counted from the oldest; begin again where retention took one meanwhile. */
    kfs_log_extent(reader->log, &after);
    do {
        before = after;
        rc = locate(reader, position, &before, offset, err);
        kfs_log_extent(reader->log, &after);
    } while (after.kept != before.kept);
    return rc;
}

/* ---- records ---- */

/* Makes the walk's current record the first that begins at `at` or later. 1, 0 at the end, -errno. */
static int go_to(struct kfs_log_reader *reader, uint64_t at)
{
    struct kfs_aim aim = {.at = KFS_AIM_OFFSET, .value = at};

    if (reader->walk.page_no != 0) {
        if (reader->walk.place.data_offset == at)
            return 1;
        if (kfs_walk_end(&reader->walk) == at)
            return kfs_walk_next(&reader->walk);
    }
    return kfs_walk_seek(&reader->walk, &aim);
}

/* Data of the segment that was read into the batch's storage, where records point to it. */
struct span {
    struct kfs_window window; /* of it, and of what lies elsewhere */
    size_t at;                /* in the storage */
};

/* How much to read for the records that are left, of which there is one: as far as those before tell their size. */
static size_t span_bytes(const struct kfs_log_reader *reader, const struct kfs_limit *left)
{
    const struct kfs_walk *walk = &reader->walk;
    uint64_t mean = walk->place.record > 0 ? walk->place.data_offset / walk->place.record : RESERVE_RECORD;
    uint64_t bytes = (mean + mean / 8 + 1) * left->records;
    uint64_t rest = reader->view.data_size - walk->place.data_offset;

    if (bytes > left->bytes)
        bytes = left->bytes;
    if (bytes > SPAN_MAX)
        bytes = SPAN_MAX;
    if (bytes < (uint64_t)walk->entry.length + 1)
        bytes = (uint64_t)walk->entry.length + 1;
    return (size_t)(bytes < rest ? bytes : rest);
}

/* Has the span begin at the walk's record, where that does not lie in it. -EIO, -ENOMEM, as -errno of io. */
static int move_span(struct kfs_log_reader *reader, const struct kfs_limit *left, struct kfs_batch *batch,
                     struct span *span)
{
    const struct kfs_io *io = reader->view.seg->io;
    const uint64_t from = reader->walk.place.data_offset;
    struct kfs_window *window = &span->window;
    size_t len;

    if (reader->walk.entry.length > KFS_RECORD_BYTES_MAX || from > reader->view.data_size)
        return -EIO;
    if (from >= window->held_start && kfs_walk_end(&reader->walk) <= window->held_start + window->held.len)
        return 0;
    len = span_bytes(reader, left);
    if (kfs_batch_reserve(batch, len + len / 8) != 0) /* and keys */
        return -ENOMEM;
    ssize_t n = io->pread(io->ctx, window->seg->data_fd, batch->storage.data + batch->storage.len, len, from);
    if (n < 0)
        return window->failure = (int)n;
    span->at = batch->storage.len;
    batch->storage.len += (size_t)n;
    window->held_start = from;
    window->held = (struct kfs_bytes){batch->storage.data + span->at, (size_t)n};
    return 0;
}

/* The data of the walk's record, in the span. What was verified since the segment was opened is not again, as for
 * bytes. */
static int get_data(struct kfs_log_reader *reader, const struct kfs_limit *left, struct kfs_batch *batch,
                    struct span *span, const char **data)
{
    const struct kfs_walk *walk = &reader->walk;
    int rc = move_span(reader, left, batch, span);

    if (rc != 0)
        return rc;
    if (!kfs_segment_is_verified(reader->view.seg, walk->place.data_offset, kfs_walk_end(walk)))
        return kfs_verify_record(walk, &span->window, data);
    rc = kfs_window_get(&span->window, walk->place.data_offset, (size_t)walk->entry.length + 1, data);
    return rc == 0 && (*data)[walk->entry.length] != '\n' ? -EIO : rc;
}

/* After records from one data offset to another were found whole. */
static void mark_sound(struct kfs_log_reader *reader, uint64_t from, uint64_t to)
{
    if (from != reader->sound_to)
        reader->sound_from = from;
    kfs_segment_mark_verified(reader->view.seg, reader->sound_from, to);
    reader->sound_to = to;
    if (to - to % KFS_VERIFY_CHUNK > reader->sound_from)
        reader->sound_from = to - to % KFS_VERIFY_CHUNK;
}

/* Whether the walk's record lies behind the mark and begins as an aggregate. */
static bool may_aggregate(const struct kfs_log_reader *reader, const char *data)
{
    const struct kfs_walk *walk = &reader->walk;

    return reader->view.seg->base + walk->place.data_offset >= reader->view.aggregates_from &&
           kfs_aggregate_begins((struct kfs_bytes){data, walk->entry.length});
}

/* Adds the walk's record. */
static int add_record(const struct kfs_log_reader *reader, struct kfs_batch *batch, const char *data)
{
    const struct kfs_walk *walk = &reader->walk;
    struct kfs_record *record = kfs_batch_room(batch);

    if (record == NULL)
        return -ENOMEM;
    record->seq = walk->place.seq;
    record->arrival_ms = walk->place.arrival_ms;
    record->offset = reader->view.seg->base + walk->place.data_offset;
    record->ordinal = reader->view.seg->header.first_record + walk->place.record;
    record->key = walk->entry.key;
    record->data = (struct kfs_bytes){data, walk->entry.length};
    record->sub = 0;
    record->aggregate = may_aggregate(reader, data);
    return kfs_batch_keep(batch);
}

/* Adds records of the reader's segment from `at` on; left says how many more
 * there may be. 0 at a limit or the segment's end, -EIO at damage; *next is where to go on. */
static int read_segment(struct kfs_log_reader *reader, uint64_t at, struct kfs_limit *left, struct kfs_batch *batch,
                        uint64_t *next)
{
    struct span span = {.window = {.seg = reader->view.seg, .size = reader->view.data_size}};
    const char *data;
    int rc = go_to(reader, at);
    uint64_t start = rc == 1 ? reader->walk.place.data_offset : at;

    *next = at;
    while (rc == 1 && left->records > 0) {
        const struct kfs_walk *walk = &reader->walk;
        if (batch->n > 0 && walk->entry.length > left->bytes) {
            left->records = 0;
            break;
        }
        rc = get_data(reader, left, batch, &span, &data);
        if (rc != 0)
            break;
        rc = add_record(reader, batch, data);
        if (rc != 0)
            break;
        span.window.held.data = batch->storage.data + span.at; /* it may have moved */
        *next = kfs_walk_end(walk);
        /* A first record over the limit is given alone. */
        left->records = walk->entry.length > left->bytes ? 0 : left->records - 1;
        left->bytes -= walk->entry.length < left->bytes ? walk->entry.length : left->bytes;
        rc = kfs_walk_next(&reader->walk);
    }
    if (*next > start)
        mark_sound(reader, start, *next);
    if (rc == 0 && left->records > 0) {
        if (ends_early(reader))
            rc = -EIO;
        else
            *next = reader->view.data_size;
    }
    kfs_window_release(&span.window);
    return rc < 0 ? rc : 0;
}

int kfs_log_read(struct kfs_log_reader *reader, uint64_t offset, const struct kfs_limit *limit, struct kfs_batch *batch,
                 struct kfs_error *err)
{
    struct kfs_limit left = *limit;
    struct kfs_log_extent extent;

    kfs_log_extent(reader->log, &extent);
    kfs_batch_clear(batch);
    batch->tip = extent.end;
    batch->next = offset;
    while (batch->next < extent.end && left.records > 0) {
        uint64_t next;
        int rc = kfs_log_look_at(reader, batch->next, err);
        if (rc == 0) {
            uint64_t base = reader->view.seg->base;
            rc = read_segment(reader, batch->next - base, &left, batch, &next);
            if (rc == -EIO && batch->n == 0)
                return kfs_log_damaged(reader, next, err);
            bool stuck = base + next == batch->next;
            batch->next = base + next;
            if (batch->tip < batch->next)
                batch->tip = batch->next; /* it has grown meanwhile */
            if (rc == 0 && stuck)
                break;
        }
        if (rc != 0)
            return batch->n > 0 ? 0 : rc;
    }
    return 0;
}
