/* The frame of an aggregate of the Kinesis Producer Library, many user records in the data of one:
 *
 *     F3 89 9A C2 | message | MD5 of the message, 16 bytes
 *
 * What the message is, codec/kpl.h says; that it is framed so is enough for those who only have to know
 * whether there may be one. */
#ifndef KFS_BASE_AGGREGATE_H
#define KFS_BASE_AGGREGATE_H

#include <stdbool.h>
#include <string.h>

#include "backend/base/buf.h"
#include "backend/base/crypto.h"

#define KFS_AGGREGATE_MAGIC "\xf3\x89\x9a\xc2"
#define KFS_AGGREGATE_MAGIC_BYTES ((size_t)4)
#define KFS_AGGREGATE_FRAME_BYTES (KFS_AGGREGATE_MAGIC_BYTES + KFS_MD5_BYTES)

/* Whether data begins as an aggregate does; nothing else is one. Here because it is asked of every record. */
static inline bool kfs_aggregate_begins(struct kfs_bytes data)
{
    return data.len >= KFS_AGGREGATE_MAGIC_BYTES &&
           memcmp(data.data, KFS_AGGREGATE_MAGIC, KFS_AGGREGATE_MAGIC_BYTES) == 0;
}

/* Whether data is a frame around a message that is not empty, with its digest. */
bool kfs_aggregate_framed(struct kfs_bytes data);

/* The message of data that is framed. */
struct kfs_bytes kfs_aggregate_message(struct kfs_bytes data);

#endif
