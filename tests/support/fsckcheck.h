/* What must be true of a store that was damaged and then repaired. */
#ifndef KFS_TESTS_FSCKCHECK_H
#define KFS_TESTS_FSCKCHECK_H

#include "tests/support/fsckworld.h"

/* A store as it was, and what it held. */
struct fw_model {
    struct simdisk *disk;
    struct fw_records records;
    struct kfs_seq highest;             /* of shard 0 */
    uint64_t synced;                    /* offset in shard 0 up to which all was synced */
    struct fw_range segments[FW_PATHS]; /* where they begin */
    size_t n_segments;
    bool lines_may_be_wrong; /* lines without an index are damaged too, which no one can know */
};
void fw_model_init(struct fw_model *model, struct simdisk *disk, size_t unsynced); /* takes the disk */
void fw_model_release(struct fw_model *model);

/* Printed where a check fails. */
extern char fw_note[256];
void fw_failed(const struct fw_fsck *f, const char *what, const char *file, int line);
#define FW_CHECK(f, condition)                                                                                         \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fw_failed(f, #condition, __FILE__, __LINE__);                                                              \
    } while (0)

/* Checks a damaged disk (taken) without changing it, repairs it, and sees to it that:
 *   the check alone changes nothing, and says 0 only where everything can be read;
 *   after the repair nothing gives EIO, a second run finds nothing;
 *   what is read was written, in its order, with its number where none was made again;
 *   what is not read was said to be lost.
 * Returns how many synced records of the model are not read. lost, which may be NULL, gets
 * the first of them. */
size_t fw_repair(const struct fw_model *model, struct simdisk *disk, const struct fw_record **lost);

/* Whether two stores give the same records; numbers count where `exactly`. */
bool fw_same(const struct fw_records *a, const struct fw_records *b, bool exactly);

#endif
