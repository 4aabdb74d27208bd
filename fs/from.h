/* Where a file begins: the value of the view `from`. What it means depends on when it is asked:
 * it is made a position when a file is looked up. */
#ifndef KFS_FS_FROM_H
#define KFS_FS_FROM_H

#include <stdint.h>

#include "backend/backend.h"

#define KFS_FROM_AGO_MAX_MS (UINT64_C(8760) * 3600 * 1000) /* no stream keeps records longer */
#define KFS_FROM_RECORDS_MAX UINT64_C(999999999999)

struct kfs_from {
    struct kfs_position position;
    uint64_t ago_ms; /* of KFS_AT_TIME: before now; 0: the position says when */
};

/* start, end, -N[ms|s|m|h|d], -COUNT, an RFC 3339 time, a sequence number, after:NUMBER. -ENOENT for anything else. */
int kfs_from_parse(struct kfs_bytes value, struct kfs_from *from, struct kfs_error *err);

struct kfs_position kfs_from_position(const struct kfs_from *from, uint64_t now_ms);

/* A sequence number is of one shard. Sets the time_ms of a position that is one to when its record arrived, or to the
 * second that the number tells where there is no such record; others, and numbers of no known layout, stay. The errors
 * of kfs_reader_open, kfs_locate and kfs_read, but for -ENOENT and -ESTALE. */
int kfs_from_find(struct kfs_stream *stream, struct kfs_position *position, struct kfs_error *err);

/* What a position that was found is in a shard: that of a number in another shard is a time, so that all files of a
 * view begin with what stands in `all` from the number's record on. */
struct kfs_position kfs_from_in_shard(const struct kfs_position *position, uint32_t shard);

#endif
