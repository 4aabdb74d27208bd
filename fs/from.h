/* Where a file begins: the value of the view `from`. What it means depends on when it is asked:
 * it is made a position when a file is looked up. */
#ifndef KFS_FS_FROM_H
#define KFS_FS_FROM_H

#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/base/record.h"

#define KFS_FROM_AGO_MAX_MS (UINT64_C(8760) * 3600 * 1000) /* no stream keeps records longer */
#define KFS_FROM_RECORDS_MAX UINT64_C(999999999999)

struct kfs_from {
    struct kfs_position position;
    uint64_t ago_ms; /* of KFS_AT_TIME: before now; 0: the position says when */
};

/* start, end, -N[ms|s|m|h|d], -COUNT, an RFC 3339 time, a sequence number, after:NUMBER. -ENOENT for anything else. */
int kfs_from_parse(struct kfs_bytes value, struct kfs_from *from, struct kfs_error *err);

struct kfs_position kfs_from_position(const struct kfs_from *from, uint64_t now_ms);

#endif
