/* One PutRecords request under construction: the JSON, and which records are in it. */
#ifndef KFS_KINESIS_BATCH_H
#define KFS_KINESIS_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/crypto.h"
#include "backend/base/hashkey.h"
#include "backend/base/record.h"

#define REMOTE_BATCH_RECORDS 500
#define REMOTE_BATCH_BYTES (10U << 20) /* of data and keys */

struct remote_batch {
    struct kfs_buf body;
    uint8_t digest[KFS_SHA256_BYTES];       /* of the body, once it is ended */
    uint64_t offsets[REMOTE_BATCH_RECORDS]; /* of the records, in the spool */
    size_t n;
    size_t bytes; /* of data and keys */
    bool ended;
    /* What follows the last record's data in the body, and the key that it is made of: most records have the key of
     * the one before. */
    size_t tail_at;
    size_t tail_len;
    size_t key_len;
    char key[KFS_PARTITION_KEY_BYTES_MAX];
};

void remote_batch_init(struct remote_batch *batch);
void remote_batch_release(struct remote_batch *batch); /* it is as after init */

/* Begins a request; the stream's name needs no escape. -ENOMEM. */
int remote_batch_begin(struct remote_batch *batch, const char *stream);

/* Adds a record of the shard with this id and range. An empty key means the id; where the key
 * hashes elsewhere a hash key of the range goes with it. -ENOMEM, -EMSGSIZE. */
int remote_batch_add(struct remote_batch *batch, const struct kfs_record *record, const char *shard_id,
                     const struct kfs_hash_range *range);

/* Makes the request whole; nothing is added any more. -ENOMEM, -EMSGSIZE. */
int remote_batch_end(struct remote_batch *batch);

#endif
