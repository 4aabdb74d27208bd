/* What a view does to records between its framing and the stream because it was asked to: each is
 * compressed (gzip, zstd), then those of a write are put together (kpl); reading, the
 * other way round. All zero: nothing. */
#ifndef KFS_FS_CODING_H
#define KFS_FS_CODING_H

#include <stdbool.h>
#include <stddef.h>

#include "backend/codec/compress.h"

struct kfs_coding {
    const struct kfs_compression *compression; /* NULL: none */
    bool aggregates;
};

static inline bool kfs_coding_none(struct kfs_coding coding)
{
    return coding.compression == NULL && !coding.aggregates;
}

#endif
