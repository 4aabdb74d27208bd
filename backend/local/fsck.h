/* Checking and repairing a local store that no process has open. What is looked
 * for, and what is done about it: docs/FORMAT.md section 7. */
#ifndef KFS_LOCAL_FSCK_H
#define KFS_LOCAL_FSCK_H

#include "backend/base/clock.h"
#include "backend/base/io.h"
#include "backend/log/check.h"

enum kfs_fsck_mode {
    KFS_FSCK_CHECK, /* changes nothing */
    KFS_FSCK_SAFE,  /* repairs what can be repaired without a loss */
    KFS_FSCK_REPAIR
};

/* As fsck(8) has them; their sum is returned. */
#define KFS_FSCK_REPAIRED 1
#define KFS_FSCK_LEFT 4
#define KFS_FSCK_FAILED 8

enum kfs_fsck_event {
    KFS_FSCK_FOUND,    /* finding says what */
    KFS_FSCK_FINE,     /* nothing wrong; text says how much there is */
    KFS_FSCK_DONE,     /* repaired; text says how */
    KFS_FSCK_NOT_DONE, /* left as it is; text says why, and what to do */
    KFS_FSCK_CANNOT    /* the check or the repair failed; text says why */
};

struct kfs_fsck_report {
    enum kfs_fsck_event event;
    const char *stream; /* "" for the store */
    const char *shard;  /* its id; "" for the stream */
    const char *text;
    const struct kfs_finding *finding; /* NULL but for KFS_FSCK_FOUND */
};

struct kfs_fsck_options {
    const struct kfs_io *io;
    const struct kfs_clock *clock;
    enum kfs_fsck_mode mode;
    void (*report)(void *arg, const struct kfs_fsck_report *report);
    void *arg;
};

struct kfs_fsck_totals {
    uint64_t streams;
    uint64_t shards;
    uint64_t records; /* whole ones */
    uint64_t bytes;
    uint64_t damaged_shards;
    uint64_t lost_records; /* as far as that is known */
};

/* Returns the exit status. */
int kfs_fsck(const char *dir, const struct kfs_fsck_options *options, struct kfs_fsck_totals *totals);

#endif
