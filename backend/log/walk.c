#include "backend/log/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void kfs_walk_init(struct kfs_walk *walk, struct kfs_segment *seg, uint64_t limit)
{
    *walk = (struct kfs_walk){.seg = seg, .limit = limit};
}

void kfs_walk_release(struct kfs_walk *walk)
{
    free(walk->page);
    *walk = (struct kfs_walk){0};
}

uint64_t kfs_walk_end(const struct kfs_walk *walk)
{
    return walk->place.data_offset + walk->entry.length + 1;
}

uint32_t kfs_walk_entry_checksum(const struct kfs_walk *walk)
{
    return kfs_entry_checksum(walk->page + walk->at, walk->entry.size, &walk->place);
}

/* Bytes of a page that are below the limit. */
static size_t valid_of(const struct kfs_walk *walk, uint64_t page_no)
{
    uint64_t start = page_no * KFS_PAGE;

    if (walk->limit <= start)
        return 0;
    return walk->limit - start < KFS_PAGE ? (size_t)(walk->limit - start) : KFS_PAGE;
}

/* Reads a page as far as it counts. */
static int load_page(struct kfs_walk *walk, uint64_t page_no)
{
    const struct kfs_io *io = walk->seg->io;
    size_t valid = valid_of(walk, page_no);

    if (walk->page == NULL) {
        walk->page = malloc(KFS_PAGE);
        if (walk->page == NULL)
            return walk->failure = -ENOMEM;
    }
    walk->page_no = 0;
    ssize_t n = io->pread(io->ctx, walk->seg->index_fd, walk->page, valid, page_no * KFS_PAGE);
    if (n < 0)
        return walk->failure = (int)n;
    if ((size_t)n < valid)
        return -EIO;
    walk->page_no = page_no;
    walk->valid = valid;
    return 0;
}

/* Adds to the place what the current entry says. */
static void place_entry(struct kfs_walk *walk)
{
    walk->place.arrival_ms = walk->block_arrival_ms + walk->entry.arrival_delta;
    if (walk->entry.has_seq)
        walk->place.seq = walk->entry.seq;
}

/* Where a block says it begins. The first one must do so where the segment does: that
 * of another page, written to the wrong place, would pass over records. */
static bool is_block(const struct kfs_walk *walk, uint64_t page_no, const uint8_t *header, struct kfs_place *first)
{
    uint32_t salt = walk->seg->header.salt;

    if (kfs_block_decode(header, salt, first) != 0)
        return false;
    return page_no != 1 || (first->data_offset == 0 && first->record == 0 && first->chain == salt);
}

int kfs_walk_to_page(struct kfs_walk *walk, uint64_t page_no)
{
    if (valid_of(walk, page_no) <= KFS_BLOCK_HEADER)
        return 0;
    int rc = load_page(walk, page_no);
    if (rc != 0)
        return rc;
    if (!is_block(walk, page_no, walk->page, &walk->place)) {
        walk->page_no = 0;
        return -EIO;
    }
    walk->block_arrival_ms = walk->place.arrival_ms;
    walk->at = KFS_BLOCK_HEADER;
    rc = kfs_entry_decode(walk->page, walk->at, walk->valid, &walk->entry);
    if (rc == 1)
        place_entry(walk);
    if (rc != 1)
        walk->page_no = 0;
    return rc == 1 ? 1 : -EIO; /* a block is begun only for an entry */
}

/* The next block must go on exactly where this one ended. */
static int next_page(struct kfs_walk *walk)
{
    uint64_t end = kfs_walk_end(walk);
    uint64_t record = walk->place.record + 1;
    uint32_t chain = walk->entry.checksum;

    if (valid_of(walk, walk->page_no + 1) == 0)
        return 0;
    int rc = kfs_walk_to_page(walk, walk->page_no + 1);
    if (rc == 1 && (walk->place.data_offset != end || walk->place.record != record || walk->place.chain != chain)) {
        walk->page_no = 0;
        return -EIO;
    }
    return rc;
}

int kfs_walk_skip(struct kfs_walk *walk)
{
    if (walk->page_no == 0)
        return kfs_walk_to_page(walk, 1);
    if (walk->valid < valid_of(walk, walk->page_no)) {
        int rc = load_page(walk, walk->page_no);
        if (rc != 0)
            return rc;
    }

    const uint64_t end = kfs_walk_end(walk);
    const uint32_t chain = walk->entry.checksum;
    const size_t at = walk->at + walk->entry.size;
    int rc = kfs_entry_decode(walk->page, at, walk->valid, &walk->entry);
    if (rc == 0)
        return next_page(walk);
    if (rc < 0) {
        walk->page_no = 0;
        return -EIO;
    }
    walk->at = at;
    walk->place.data_offset = end;
    walk->place.record++;
    walk->place.chain = chain;
    place_entry(walk);
    return 1;
}

int kfs_walk_next(struct kfs_walk *walk)
{
    const uint64_t page_no = walk->page_no;
    int rc = kfs_walk_skip(walk);

    /* A block's first record has its number from the header. */
    if (rc == 1 && walk->page_no == page_no && !walk->entry.has_seq)
        kfs_seq_advance(&walk->place.seq, walk->place.arrival_ms / 1000);
    return rc;
}

static bool before(const struct kfs_aim *aim, const struct kfs_place *place)
{
    switch (aim->at) {
    case KFS_AIM_OFFSET:
        return place->data_offset < aim->value;
    case KFS_AIM_CONTAINING:
        return place->data_offset <= aim->value;
    case KFS_AIM_RECORD:
        return place->record < aim->value;
    case KFS_AIM_TIME:
        return place->arrival_ms < aim->value;
    case KFS_AIM_SEQ:
        return kfs_seq_cmp(&place->seq, &aim->seq) < 0;
    }
    return false;
}

static bool record_before(const struct kfs_aim *aim, const struct kfs_walk *walk)
{
    if (aim->at == KFS_AIM_CONTAINING)
        return kfs_walk_end(walk) <= aim->value;
    return before(aim, &walk->place);
}

/* Reads only a block's header. */
static bool peek(const struct kfs_walk *walk, uint64_t page_no, struct kfs_place *place)
{
    const struct kfs_io *io = walk->seg->io;
    uint8_t header[KFS_BLOCK_HEADER];
    ssize_t n = io->pread(io->ctx, walk->seg->index_fd, header, sizeof header, page_no * KFS_PAGE);

    return n == (ssize_t)sizeof header && is_block(walk, page_no, header, place);
}

/* The last page that is there of those up to `page_no`. */
static uint64_t last_page(const struct kfs_walk *walk, uint64_t page_no)
{
    const struct kfs_io *io = walk->seg->io;
    uint64_t size;

    if (io->size(io->ctx, walk->seg->index_fd, &size) != 0 || size <= KFS_PAGE)
        return 1;
    return page_no < (size - 1) / KFS_PAGE ? page_no : (size - 1) / KFS_PAGE;
}

/* The last page whose first record is before the aim, or 1. Where a header is damaged or
 * missing the rest of the search goes block by block, over those that there are. */
static uint64_t find_page(const struct kfs_walk *walk, const struct kfs_aim *aim)
{
    uint64_t low = 1;
    uint64_t high = (walk->limit - 1) / KFS_PAGE; /* inclusive */
    struct kfs_place place;

    while (high > low) {
        uint64_t middle = low + (high - low + 1) / 2;
        if (!peek(walk, middle, &place)) {
            high = last_page(walk, high);
            break;
        }
        if (before(aim, &place))
            low = middle;
        else
            high = middle - 1;
    }
    while (high > low && !(peek(walk, high, &place) && before(aim, &place)))
        high--;
    return high;
}

int kfs_walk_seek(struct kfs_walk *walk, const struct kfs_aim *aim)
{
    if (walk->limit <= KFS_PAGE)
        return 0;
    int rc = kfs_walk_to_page(walk, find_page(walk, aim));
    while (rc == 1 && record_before(aim, walk))
        rc = kfs_walk_next(walk);
    return rc;
}
