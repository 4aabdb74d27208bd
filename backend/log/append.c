/* Appending: data first, then index, then the tip moves (FORMAT.md, invariants 1 to 3 and 6). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "backend/base/aggregate.h"
#include "backend/base/crc32c.h"
#include "backend/log/log_internal.h"

#define IOV_BATCH 256
#define RUN_BLOCKS 8 /* index blocks that wait to be written together: 2,000 records without keys */

/* ---- segments ---- */

static struct kfs_segment *active(struct kfs_log *log)
{
    (void)pthread_mutex_lock(&log->state); /* retention moves the array; never its last element */
    struct kfs_segment *seg = log->n_segments == 0 ? NULL : log->segments[log->n_segments - 1];
    (void)pthread_mutex_unlock(&log->state);
    return seg;
}

/* Starts a segment at the tip. The very first of a log is made durable at once,
 * so that a missing header always means damage or a segment behind an unsealed one. */
static int start_segment(struct kfs_log *log, bool first, uint64_t now)
{
    const struct kfs_io *io = log->config.io;
    struct kfs_segment_header header = {
        .base = log->extent.end,
        .first_record = log->extent.next_record,
        .created_ms = now > log->tail.arrival_ms ? now : log->tail.arrival_ms,
        .floor = log->extent.last,
    };
    struct kfs_segment *seg = kfs_segment_new(io, header.base, log->config.segment_bytes + KFS_SEGMENT_SLACK);
    int rc = seg == NULL ? -ENOMEM : 0;

    if (rc == 0 && getrandom(&header.salt, sizeof header.salt, 0) != (ssize_t)sizeof header.salt)
        rc = -EIO;
    if (rc == 0) {
        rc = kfs_segment_create(seg, log->dir, &header);
        if (rc != 0) /* retention may remove what is before it: then half a segment would be all there is */
            (void)kfs_log_remove_files(log, header.base);
    }
    if (rc == 0 && first) {
        rc = io->datasync(io->ctx, seg->index_fd);
        if (rc == 0)
            rc = io->sync_dir(io->ctx, log->dir);
        if (rc != 0)
            rc = kfs_log_poison(log, "the first sync failed (%s); mount again to recover", strerror(-rc));
        seg->name_synced = rc == 0;
    }
    if (rc == 0)
        rc = kfs_log_add_segment(log, seg);
    if (rc != 0) {
        kfs_segment_unref(seg);
        return rc;
    }
    log->tail = (struct kfs_place){.arrival_ms = header.created_ms, .seq = log->tail.seq, .chain = header.salt};
    log->page_no = 1;
    log->page_used = 0;
    return 0;
}

/* Reads the active segment's last index page, to go on in it. */
static int load_tail_page(struct kfs_log *log, struct kfs_segment *seg)
{
    struct kfs_place first;
    uint64_t page_no = seg->index_size > KFS_PAGE ? (seg->index_size - 1) / KFS_PAGE : 1;
    size_t used = (size_t)(seg->index_size - page_no * KFS_PAGE);

    if (seg->index_size <= KFS_PAGE) {
        used = 0;
    } else {
        ssize_t n = seg->io->pread(seg->io->ctx, seg->index_fd, log->page, used, page_no * KFS_PAGE);
        if (n < 0)
            return (int)n;
        if ((size_t)n != used || kfs_block_decode(log->page, seg->header.salt, &first) != 0)
            return -EIO;
        log->block_arrival_ms = first.arrival_ms;
    }
    log->page_no = page_no;
    log->page_used = used;
    log->number_next = true;
    return 0;
}

/* Makes the log ready for an append of records that arrive now, or did then. */
static int prepare(struct kfs_log *log, uint64_t now)
{
    struct kfs_segment *seg = active(log);

    if (log->page == NULL) {
        log->page = calloc(1, KFS_PAGE);
        if (log->page == NULL)
            return -ENOMEM;
    }
    if (seg == NULL || seg->data_size >= log->config.segment_bytes)
        return start_segment(log, seg == NULL, now);
    return log->page_no == 0 ? load_tail_page(log, seg) : 0;
}

/* ---- the data file ---- */

static const char newline = '\n';

/* Adds bytes to a vector, joining them to the last part where they follow it in memory. */
static int add_part(struct iovec *iov, int n, const void *data, size_t len)
{
    if (len == 0)
        return n;
    if (n > 0 && (const char *)iov[n - 1].iov_base + iov[n - 1].iov_len == (const char *)data) {
        iov[n - 1].iov_len += len;
        return n;
    }
    iov[n] = (struct iovec){(void *)(uintptr_t)data, len};
    return n + 1;
}

static size_t parts_len(const struct iovec *iov, int n)
{
    size_t len = 0;

    for (int i = 0; i < n; i++)
        len += iov[i].iov_len;
    return len;
}

static int write_data(struct kfs_log *log, struct kfs_segment *seg, const struct kfs_put *puts, size_t n)
{
    struct iovec iov[IOV_BATCH];
    uint64_t at = log->tail.data_offset;
    int parts = 0;
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        parts = add_part(iov, parts, puts[i].data.data, puts[i].data.len);
        if (puts[i].newline_follows)
            parts = add_part(iov, parts, (const char *)puts[i].data.data + puts[i].data.len, 1);
        else
            parts = add_part(iov, parts, &newline, 1);
        if (parts > IOV_BATCH - 3 || i + 1 == n) {
            rc = seg->io->pwrite_all(seg->io->ctx, seg->data_fd, iov, parts, at);
            at += parts_len(iov, parts);
            parts = 0;
        }
    }
    return rc;
}

/* ---- the index file ---- */

/* Where the batch is being encoded: the log's tail, changed only when all is written.
 * Blocks go to the file many at a time: the first is encoded in the log's page, those
 * after it in `run`. */
struct encoder {
    struct kfs_log *log;
    struct kfs_segment *seg;
    struct kfs_place place; /* of the next record; seq is the last one's */
    uint64_t now_ms;
    const struct kfs_record *given; /* numbers and times of the records; NULL: they get new ones */
    size_t written;                 /* bytes of the log's page that are in the file */
    uint64_t first_no;              /* of the log's page */
    uint8_t *page;                  /* where the current block is: the log's page, or in run */
    size_t blocks;                  /* in run, with the current one */
    uint8_t run[RUN_BLOCKS][KFS_PAGE];
};

/* Writes what is encoded, up to `used` bytes of the current block. */
static int flush_blocks(struct encoder *e, size_t used)
{
    const struct kfs_io *io = e->seg->io;
    struct iovec iov[2] = {{e->log->page + e->written, (e->blocks == 0 ? used : KFS_PAGE) - e->written},
                           {e->run, e->blocks == 0 ? 0 : (e->blocks - 1) * KFS_PAGE + used}};

    return io->pwrite_all(io->ctx, e->seg->index_fd, iov, e->blocks == 0 ? 1 : 2, e->first_no * KFS_PAGE + e->written);
}

/* From here on the log's page holds the current block, and nothing of it is in the file. */
static void start_run(struct encoder *e)
{
    e->first_no = e->log->page_no;
    e->page = e->log->page;
    e->blocks = 0;
    e->written = 0;
}

/* Ends the block and begins the next one with the record whose place is given. */
static int begin_block(struct encoder *e, const struct kfs_place *first)
{
    struct kfs_log *log = e->log;

    if (log->page_used > 0) {
        memset(e->page + log->page_used, 0, KFS_PAGE - log->page_used);
        log->page_no++;
        if (e->blocks < RUN_BLOCKS) {
            e->page = e->run[e->blocks++];
        } else {
            int rc = flush_blocks(e, KFS_PAGE);
            if (rc != 0)
                return rc;
            start_run(e);
        }
    }
    kfs_block_encode(first, e->seg->header.salt, e->page);
    log->page_used = KFS_BLOCK_HEADER;
    log->block_arrival_ms = first->arrival_ms;
    return 0;
}

/* Number and time of the record at hand. True where the number is not what one would derive. */
static bool number_record(struct encoder *e)
{
    struct kfs_place *place = &e->place;
    bool differs = e->log->number_next;

    if (e->given != NULL && e->given->arrival_ms > e->now_ms)
        e->now_ms = e->given->arrival_ms;
    place->arrival_ms = e->now_ms;
    kfs_seq_advance(&place->seq, e->now_ms / 1000);
    if (e->given != NULL) {
        differs = differs || kfs_seq_cmp(&place->seq, &e->given->seq) != 0;
        place->seq = e->given->seq;
        e->given++;
    }
    return differs;
}

/* The place is changed where it is, also where this fails: copies of it, made while its
 * parts are still on their way to the cache, cost as much as the rest. */
static int encode_record(struct encoder *e, const struct kfs_put *put)
{
    struct kfs_log *log = e->log;
    struct kfs_place *place = &e->place;
    struct kfs_entry entry;

    entry.has_seq = number_record(e);
    if (entry.has_seq)
        entry.seq = place->seq;
    entry.length = (uint32_t)put->data.len;
    entry.key = put->key;
    entry.size = kfs_entry_size(entry.has_seq, put->key.len);
    if (log->page_used == 0 || entry.size > KFS_PAGE - log->page_used ||
        e->now_ms - log->block_arrival_ms > UINT32_MAX) {
        int rc = begin_block(e, place);
        if (rc != 0)
            return rc;
    }
    entry.arrival_delta = (uint32_t)(e->now_ms - log->block_arrival_ms);
    uint8_t *out = e->page + log->page_used;
    uint32_t crc = kfs_entry_encode(&entry, place, out);
    if (put->newline_follows) {
        crc = kfs_crc32c(crc, put->data.data, put->data.len + 1);
    } else {
        crc = kfs_crc32c(crc, put->data.data, put->data.len);
        crc = kfs_crc32c(crc, &newline, 1);
    }
    kfs_entry_set_checksum(out, crc);
    log->page_used += entry.size;
    log->number_next = false;

    place->data_offset += put->data.len + 1;
    place->record++;
    place->chain = crc;
    return 0;
}

static int write_index(struct encoder *e, const struct kfs_put *puts, size_t n, struct kfs_put_result *results)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = encode_record(e, &puts[i]);
        if (results != NULL)
            results[i].seq = e->place.seq;
    }
    if (rc == 0)
        rc = flush_blocks(e, e->log->page_used);
    if (rc == 0 && e->page != e->log->page)
        memcpy(e->log->page, e->page, e->log->page_used);
    return rc;
}

/* ---- */

/* Cuts the files back to the tip after a failed append. Where entries may have been
 * written the cut is made durable: a power loss must not bring them back. */
static void roll_back(struct kfs_log *log, struct kfs_segment *seg, bool index_touched)
{
    const struct kfs_io *io = seg->io;
    int rc = 0;

    log->page_no = 0;
    if (index_touched)
        rc = io->truncate(io->ctx, seg->index_fd, seg->index_size);
    if (rc == 0 && index_touched)
        rc = io->datasync(io->ctx, seg->index_fd);
    if (rc == 0)
        rc = io->truncate(io->ctx, seg->data_fd, seg->data_size);
    if (rc != 0)
        (void)kfs_log_poison(log, "an append failed and could not be taken back; mount again to recover");
}

static void publish(struct kfs_log *log, struct kfs_segment *seg, const struct encoder *e)
{
    (void)pthread_mutex_lock(&log->state);
    seg->data_size = e->place.data_offset;
    seg->index_size = log->page_no * KFS_PAGE + log->page_used;
    seg->records = e->place.record;
    seg->last_arrival_ms = e->now_ms;
    log->extent.end = seg->base + e->place.data_offset;
    log->extent.next_record = seg->header.first_record + e->place.record;
    log->extent.last_arrival_ms = e->now_ms;
    log->extent.last = e->place.seq;
    log->dirty = true;
    (void)pthread_mutex_unlock(&log->state);
    log->tail = e->place;
}

/* The first aggregate of the log is announced before it is written (FORMAT.md invariant 10). Where the mark lies beyond
 * the end, since what it announced was lost or never written, it moves there first: a record begins where it is. */
static int announce_aggregates(struct kfs_log *log, const struct kfs_put *puts, size_t n)
{
    uint64_t from = log->extent.aggregates_from; /* changed under the append lock only, as the end */
    uint64_t offset = log->extent.end;
    bool beyond = from != UINT64_MAX && from > offset;
    size_t i = 0;

    for (; !beyond && i < n && offset < from && !kfs_aggregate_framed(puts[i].data); i++)
        offset += puts[i].data.len + 1;
    if (i == n || offset >= from)
        return 0;
    int rc = kfs_mark_write(log->config.io, log->dir, KFS_MARK_AGGREGATES, offset);
    if (rc != 0)
        return rc;
    (void)pthread_mutex_lock(&log->state);
    log->extent.aggregates_from = offset;
    (void)pthread_mutex_unlock(&log->state);
    return 0;
}

/* results and given may be NULL. */
static int append_locked(struct kfs_log *log, const struct kfs_put *puts, size_t n, struct kfs_put_result *results,
                         const struct kfs_record *given, struct kfs_error *err)
{
    int rc = kfs_log_damage(log, err);
    if (rc != 0)
        return rc;
    uint64_t now = given != NULL ? given->arrival_ms : log->config.clock->wall_ms(log->config.clock->ctx);
    rc = prepare(log, now);
    if (rc != 0)
        return kfs_fail(err, -rc, "cannot start a segment: %s", strerror(-rc));
    rc = announce_aggregates(log, puts, n);
    if (rc != 0)
        return kfs_fail(err, -rc, "cannot write to the store: %s", strerror(-rc));

    struct kfs_segment *seg = active(log);
    struct encoder e; /* no initialiser: it would clear run */
    e.log = log;
    e.seg = seg;
    e.place = log->tail;
    e.given = given;
    start_run(&e);
    e.written = log->page_used;
    e.now_ms = now > log->tail.arrival_ms ? now : log->tail.arrival_ms;
    if (e.now_ms < log->config.arrival_floor_ms)
        e.now_ms = log->config.arrival_floor_ms;
    rc = write_data(log, seg, puts, n);
    bool index_touched = rc == 0;
    if (rc == 0)
        rc = write_index(&e, puts, n, results);
    if (rc != 0) {
        roll_back(log, seg, index_touched);
        return kfs_fail(err, -rc, "cannot write to the store: %s", strerror(-rc));
    }
    publish(log, seg, &e);
    return 0;
}

int kfs_log_append(struct kfs_log *log, const struct kfs_put *puts, size_t n, struct kfs_put_result *results,
                   struct kfs_error *err)
{
    (void)pthread_mutex_lock(&log->append);
    int rc = append_locked(log, puts, n, results, NULL, err);
    (void)pthread_mutex_unlock(&log->append);
    return rc;
}

int kfs_log_append_given(struct kfs_log *log, const struct kfs_record *records, size_t n, struct kfs_error *err)
{
    struct kfs_put *puts = calloc(n + 1, sizeof *puts);
    int rc = 0;

    if (puts == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    (void)pthread_mutex_lock(&log->append);
    const struct kfs_seq *last = &log->tail.seq;
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (kfs_seq_cmp(&records[i].seq, last) <= 0)
            rc = kfs_fail(err, EINVAL, "a sequence number does not follow the one before it");
        puts[i] = (struct kfs_put){.data = records[i].data, .key = records[i].key};
        last = &records[i].seq;
    }
    if (rc == 0 && n > 0)
        rc = append_locked(log, puts, n, NULL, records, err);
    (void)pthread_mutex_unlock(&log->append);
    free(puts);
    return rc;
}
