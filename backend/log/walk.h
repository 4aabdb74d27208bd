/* Walking over the entries of one segment's index, record by record, and
 * finding a place in it. Internal to backend/log. */
#ifndef KFS_LOG_WALK_H
#define KFS_LOG_WALK_H

#include "backend/log/segment.h"

/* What a search aims at: the first record that is not before it. */
enum kfs_aim_at {
    KFS_AIM_OFFSET,     /* begins at data offset `value` of the segment, or later */
    KFS_AIM_CONTAINING, /* its bytes (with the newline) include data offset `value`, or later */
    KFS_AIM_RECORD,     /* its ordinal in the segment is `value` or more */
    KFS_AIM_TIME,       /* arrived at `value` ms or later */
    KFS_AIM_SEQ         /* its number is `seq` or more */
};

struct kfs_aim {
    enum kfs_aim_at at;
    uint64_t value;
    struct kfs_seq seq;
};

struct kfs_walk {
    struct kfs_segment *seg; /* borrowed */
    uint64_t limit;          /* end of the index bytes that count; may be raised between calls */
    uint8_t *page;           /* KFS_PAGE bytes, owned; NULL until needed */
    uint64_t page_no;        /* the page held; 0 means none */
    size_t valid;            /* bytes of it that count */
    size_t at;               /* where the current entry begins in it */
    uint64_t block_arrival_ms;
    int failure; /* of the last read that failed, where -EIO is not the index's fault; 0 */

    struct kfs_place place; /* of the current record */
    struct kfs_entry entry; /* of the current record; its key points into page */
};

void kfs_walk_init(struct kfs_walk *walk, struct kfs_segment *seg, uint64_t limit);
void kfs_walk_release(struct kfs_walk *walk);

/* Goes to a block's first record. 1; 0 where the block holds none; -EIO damaged. */
int kfs_walk_to_page(struct kfs_walk *walk, uint64_t page_no);

/* Goes to the next record. 1; 0 at the limit (and stays, so that it can be
 * called again with a higher one); -EIO where the index is damaged. */
int kfs_walk_next(struct kfs_walk *walk);

/* The same, faster, but place.seq is not kept: for a walk that is moved by this and by searches for offsets only, and
 * whose checksums no one asks for. */
int kfs_walk_skip(struct kfs_walk *walk);

/* Goes to the first record that is not before the aim. 1; 0 where all are
 * before it (the walk then stands on the last one); -EIO. */
int kfs_walk_seek(struct kfs_walk *walk, const struct kfs_aim *aim);

/* The offset in the data file just after the current record. */
uint64_t kfs_walk_end(const struct kfs_walk *walk);

/* The checksum that the current record's entry must have, over the entry alone;
 * to be continued over its data and newline. */
uint32_t kfs_walk_entry_checksum(const struct kfs_walk *walk);

#endif
