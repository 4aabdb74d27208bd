/* Reading the bytes of the default view, and where the records in them end. */
#include <errno.h>

#include "backend/log/log_internal.h"

#define CROWD 256 /* readers; of more none keeps a page of the index, 4 KiB, between two reads */

/* Bytes of the reader's segment, as they will be handed out when they are verified. */
struct piece {
    uint64_t from;
    struct kfs_bytes bytes;
};

/* Verifies the records that hold [from, to) of the reader's segment, of which `piece` may be
 * a part. Returns where the first damaged one begins, or `to` (or beyond), or -errno. */
static int64_t verify_range(struct kfs_log_reader *reader, uint64_t from, uint64_t to, const struct piece *piece)
{
    struct kfs_window window = {
        .seg = reader->view.seg,
        .size = reader->view.data_size,
        .held = piece->bytes,
        .held_start = piece->from,
        .end = to,
    };
    struct kfs_aim aim = {.at = KFS_AIM_CONTAINING, .value = from};
    struct kfs_walk *walk = &reader->walk;
    uint64_t good = from;
    const char *data;
    int rc;

    /* A reader that goes on needs no search: the walk stands where the last range ended. */
    if (walk->page_no == 0 || walk->place.data_offset > from || kfs_walk_end(walk) < from)
        rc = kfs_walk_seek(walk, &aim);
    else
        rc = kfs_walk_end(walk) == from ? kfs_walk_next(walk) : 1;
    uint64_t start = rc == 1 ? walk->place.data_offset : from;
    if (start > from)
        rc = -EIO; /* nothing vouches for what lies between */
    while (rc == 1) {
        rc = kfs_verify_record(walk, &window, &data);
        if (rc != 0) {
            good = walk->place.data_offset;
            break;
        }
        good = kfs_walk_end(walk);
        rc = good < to ? kfs_walk_next(walk) : 0;
    }
    kfs_window_release(&window);
    if (good > start)
        kfs_segment_mark_verified(reader->view.seg, start, good);
    return rc == -ENOMEM ? rc : (int64_t)good;
}

/* How many bytes of a piece may be handed out. 0 where the first is in a damaged record. */
static int64_t verify_piece(struct kfs_log_reader *reader, const struct piece *piece)
{
    uint64_t from = piece->from;
    uint64_t to = from + piece->bytes.len;

    /* Whole chunks where they are complete, so that they need it only once. A read that goes
     * on where another ended begins in a chunk that is done. */
    uint64_t chunk = from - from % KFS_VERIFY_CHUNK;
    while (chunk < to && kfs_segment_is_verified(reader->view.seg, chunk, chunk + KFS_VERIFY_CHUNK))
        chunk += KFS_VERIFY_CHUNK;
    if (chunk >= to)
        return (int64_t)(to - from);
    uint64_t chunk_end = (to + KFS_VERIFY_CHUNK - 1) / KFS_VERIFY_CHUNK * KFS_VERIFY_CHUNK;
    if (chunk_end <= reader->view.data_size && verify_range(reader, chunk, chunk_end, piece) >= (int64_t)to)
        return (int64_t)(to - from);
    int64_t good = verify_range(reader, from, to, piece);
    if (good < 0)
        return good;
    if ((uint64_t)good <= from)
        return 0;
    return (int64_t)((uint64_t)good >= to ? to : (uint64_t)good) - (int64_t)from;
}

/* One piece of a read: as much as the reader's segment holds. */
static ssize_t read_piece(struct kfs_log_reader *reader, uint64_t from, void *data, size_t len)
{
    const struct kfs_segment *seg = reader->view.seg;
    bool verified = kfs_segment_is_verified(seg, from, from + len);
    ssize_t n = seg->io->pread(seg->io->ctx, seg->data_fd, data, len, from);

    if (n > 0 && !verified)
        n = (ssize_t)verify_piece(reader, &(struct piece){from, {data, (size_t)n}});
    return n == 0 ? -EIO : n;
}

ssize_t kfs_log_read_bytes(struct kfs_log_reader *reader, uint64_t offset, void *data, size_t len,
                           struct kfs_error *err)
{
    struct kfs_log_extent extent;
    size_t done = 0;

    kfs_log_extent(reader->log, &extent);
    uint64_t end = extent.end < extent.aggregates_from ? extent.end : extent.aggregates_from;
    if (offset >= end)
        return 0;
    if (len > end - offset)
        len = (size_t)(end - offset);
    while (done < len) {
        int rc = kfs_log_look_at(reader, offset + done, err);
        if (rc != 0)
            return done > 0 ? (ssize_t)done : rc;
        uint64_t from = offset + done - reader->view.seg->base;
        size_t want = len - done;
        if (want > reader->view.data_size - from)
            want = (size_t)(reader->view.data_size - from);
        ssize_t n = read_piece(reader, from, (char *)data + done, want);
        if (n == -EIO && done == 0)
            return kfs_log_damaged(reader, from, err);
        if (n < 0)
            return done > 0 ? (ssize_t)done : n;
        done += (size_t)n;
        if ((size_t)n < want)
            break; /* what follows is damaged; the next read says so */
    }
    if (atomic_load(&reader->log->readers) > CROWD && reader->walk.page != NULL) {
        kfs_walk_release(&reader->walk);
        kfs_walk_init(&reader->walk, reader->view.seg, reader->view.index_size);
    }
    return (ssize_t)done;
}

/* ---- records as they are stored ---- */

/* How much is read beyond the room, for the record that reaches it. */
#define BEYOND ((size_t)1 << 10)

/* Makes the walk's current record the one that begins at `at`. 1; 0, -errno where that cannot be had. */
static int go_to(struct kfs_walk *walk, uint64_t at)
{
    const struct kfs_aim aim = {.at = KFS_AIM_OFFSET, .value = at};
    int rc;

    if (walk->page_no != 0 && walk->place.data_offset == at)
        return 1;
    if (walk->page_no != 0 && kfs_walk_end(walk) == at)
        rc = kfs_walk_skip(walk);
    else
        rc = kfs_walk_seek(walk, &aim);
    return rc == 1 && walk->place.data_offset != at ? 0 : rc;
}

/* Finds where records from `from` of the reader's segment on end, as far as they are whole among `len` bytes. */
static void find_ends(struct kfs_log_reader *reader, uint64_t from, size_t len, struct kfs_stored *stored)
{
    struct kfs_walk *walk = &reader->ends;
    size_t taken = 0;
    int rc = go_to(walk, from);

    while (rc == 1 && taken < stored->room && stored->n < KFS_STORED_MAX) {
        const uint64_t end = kfs_walk_end(walk) - from;
        if (end > len || stored->bytes[end - 1] != '\n')
            break;
        stored->ends[stored->n++] = (uint32_t)end;
        taken += walk->entry.length + stored->frame;
        rc = kfs_walk_skip(walk);
    }
}

int kfs_log_read_stored(struct kfs_log_reader *reader, uint64_t offset, struct kfs_stored *stored,
                        struct kfs_error *err)
{
    size_t len = stored->room < KFS_STORED_BYTES - BEYOND ? stored->room + BEYOND : KFS_STORED_BYTES;
    struct kfs_log_extent extent;

    kfs_log_extent(reader->log, &extent);
    stored->n = 0;
    if (offset >= extent.end && offset >= extent.kept)
        return 0;
    int rc = kfs_log_look_at(reader, offset, err);
    if (rc != 0)
        return rc;
    uint64_t from = offset - reader->view.seg->base;
    if (len > reader->view.data_size - from)
        len = (size_t)(reader->view.data_size - from);
    ssize_t n = len == 0 ? 0 : read_piece(reader, from, stored->bytes, len);
    if (n == -EIO)
        return kfs_log_damaged(reader, from, err);
    if (n < 0)
        return (int)n;
    find_ends(reader, from, (size_t)n, stored);
    return 0;
}
