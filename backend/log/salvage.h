/* Reading a segment that may be damaged: every record that is proved whole,
 * past those that are not. Internal to backend/log.
 *
 * Within a block one goes on as long as entries can be told apart; the next
 * block is read alone, from its own header. What is returned has a checksum that
 * fits, so a record is never given other bytes, another number or another place. */
#ifndef KFS_LOG_SALVAGE_H
#define KFS_LOG_SALVAGE_H

#include "backend/log/log_internal.h"

/* How far something was promised (FORMAT.md, invariant 4). Beyond it the first
 * record that is not whole is the end. */
struct kfs_promise {
    uint64_t data_size;
    uint64_t index_size;
    uint64_t records;
};

struct kfs_salvage {
    struct kfs_walk walk;
    struct kfs_window window;
    struct kfs_promise promise;
    uint64_t page; /* where to go on when the walk stands nowhere */
    bool torn;     /* something was passed over since the last record */

    /* After the last record that was returned. */
    uint64_t records;
    uint64_t next_offset;
    uint64_t index_end;
    bool broken; /* something was passed over before it */
};

/* Limits are how much of the two files counts. The segment's files must be open. */
void kfs_salvage_init(struct kfs_salvage *s, struct kfs_segment *seg, uint64_t data_limit, uint64_t index_limit,
                      const struct kfs_promise *promise);
void kfs_salvage_release(struct kfs_salvage *s);

/* Goes to the next whole record: place and entry are in s->walk. 1, 0 at the end,
 * -errno where the files cannot be read. */
int kfs_salvage_next(struct kfs_salvage *s, const char **data);

/* Records of a data file that has lost its index: lines. */
struct kfs_lines {
    struct kfs_window window;
    uint64_t at;
    uint64_t passed; /* bytes passed over: lines that no record can be */
};

void kfs_lines_init(struct kfs_lines *lines, struct kfs_segment *seg, uint64_t limit);
void kfs_lines_release(struct kfs_lines *lines);

/* The next line, without its newline, which follows it. 1, 0 where none is complete. */
int kfs_lines_next(struct kfs_lines *lines, const char **data, uint32_t *len);

#endif
