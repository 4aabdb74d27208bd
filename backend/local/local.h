/* The local backend: streams in a directory of this machine (docs/FORMAT.md). */
#ifndef KFS_LOCAL_LOCAL_H
#define KFS_LOCAL_LOCAL_H

#include "backend/backend.h"
#include "backend/base/clock.h"
#include "backend/base/io.h"

struct kfs_local_options {
    uint64_t sync_interval_ms; /* how long an append may wait to be made durable, 10..3,600,000 */
    uint64_t segment_bytes;    /* size of a segment, at least 64 KiB */
    uint64_t retention_bytes;  /* a shard that is larger loses its oldest segments; 0: no bound */
    const char *region;        /* for ARNs; borrowed until close */
    const char *account;       /* 12 digits; borrowed until close */
    const struct kfs_io *io;
    const struct kfs_clock *clock;
};

/* Opens the store in a directory, made where missing (its last component).
 * -EBUSY where another process has it open (err names its pid); -EIO where it
 * is damaged or of another format. */
int kfs_local_open(const char *dir, const struct kfs_local_options *options, struct kfs_backend **out,
                   struct kfs_error *err);

#endif
