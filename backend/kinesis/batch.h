/* One PutRecords request under construction: the JSON, and which records are in it. */
#ifndef KFS_KINESIS_BATCH_H
#define KFS_KINESIS_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/hashkey.h"
#include "backend/base/record.h"

#define REMOTE_BATCH_RECORDS 500
#define REMOTE_BATCH_BYTES (10U << 20) /* of data and keys */

/* Where a record is in the spool. */
struct remote_sent {
    uint64_t offset;
    uint64_t end;
};

struct remote_batch {
    struct kfs_buf *body; /* the call's */
    struct remote_sent sent[REMOTE_BATCH_RECORDS];
    size_t n;
    size_t bytes; /* of data and keys */
};

void remote_batch_init(struct remote_batch *batch, struct kfs_buf *body);

/* Begins a request; the stream's name needs no escape. -ENOMEM. */
int remote_batch_begin(struct remote_batch *batch, const char *stream);

/* Adds a record of the shard with this id and range. An empty key means the id; where the key
 * hashes elsewhere a hash key of the range goes with it. -ENOMEM, -EMSGSIZE. */
int remote_batch_add(struct remote_batch *batch, const struct kfs_record *record, const char *shard_id,
                     const struct kfs_hash_range *range);

int remote_batch_end(struct remote_batch *batch);

#endif
