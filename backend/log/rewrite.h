/* Writing a segment anew, of records that have their numbers and times. Internal to backend/log. */
#ifndef KFS_LOG_REWRITE_H
#define KFS_LOG_REWRITE_H

#include "backend/log/segment.h"

struct kfs_rewrite {
    struct kfs_segment *seg;
    char *data; /* not yet written; owned */
    size_t data_len;
    uint8_t *page; /* the index page being filled, KFS_PAGE bytes; owned */
    uint64_t page_no;
    size_t page_used; /* 0: no block has begun */
    uint64_t block_arrival_ms;
    struct kfs_place place; /* of the next record; seq and arrival are the last one's */
};

struct kfs_rewrite_record {
    struct kfs_seq seq; /* greater than the one before */
    uint64_t arrival_ms;
    struct kfs_bytes key;
    const char *data; /* a newline follows it */
    uint32_t len;
};

/* Makes the two files in a directory. Release it in any case. */
int kfs_rewrite_init(struct kfs_rewrite *rw, const struct kfs_io *io, int dir, const struct kfs_segment_header *header);
void kfs_rewrite_release(struct kfs_rewrite *rw);

int kfs_rewrite_add(struct kfs_rewrite *rw, const struct kfs_rewrite_record *record);

/* Writes the rest and the checkpoint, and syncs both files (not their names). */
int kfs_rewrite_end(struct kfs_rewrite *rw, bool sealed);

#endif
