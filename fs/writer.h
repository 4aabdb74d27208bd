/* The writing side of one open file description: bytes come in, cut anywhere;
 * records go out, in order. What is not yet a whole record is carried over to
 * the next write. Not locked: the owner does. */
#ifndef KFS_FS_WRITER_H
#define KFS_FS_WRITER_H

#include "backend/backend.h"
#include "fs/encoder.h"
#include "fs/framing.h"
#include "fs/key.h"

struct kfs_writer {
    struct kfs_stream *stream;         /* borrowed */
    uint32_t shard;                    /* KFS_NO_SHARD: by partition key */
    const struct kfs_framing *framing; /* constant */
    struct kfs_encoder encoder;
    size_t stream_max;    /* the stream's limit as last seen: of what is stored */
    size_t record_max;    /* of what is written: that or, compressed, any; never over the framing's */
    uint64_t records;     /* stored or refused, since the open */
    struct kfs_buf carry; /* the beginning of a record */
    size_t scanned;       /* bytes of carry known to hold no end */
    size_t needed;        /* data of the record that it begins, where that is known */
    struct kfs_keyer keyer;
    uint64_t random;  /* state of the partition keys */
    uint64_t keyless; /* records stored without the key that the view says; the owner may reset it */

    bool follows;                /* where the shard is closed records go to the shards that own its hash keys now */
    bool elsewhere;              /* some have gone there */
    struct kfs_hash_range range; /* of the shard; where it follows */

    /* A record over the limit is refused once for good: the write that shows it,
     * and the same write if it is tried again, as happens where the kernel had
     * sent earlier parts of it and the caller saw a short count. */
    bool refused;
    size_t refused_len;
    uint32_t refused_crc;
};

/* Where a writer's records go, and how. */
struct kfs_write_to {
    struct kfs_stream *stream;
    uint32_t shard;
    const struct kfs_framing *framing;
    struct kfs_coding coding;
    const struct kfs_key_rule *key; /* copied */
};

/* A key that a record brings (json) counts, then that of the rule, then what fits the shard. -ENOMEM. */
int kfs_writer_init(struct kfs_writer *writer, const struct kfs_write_to *to, struct kfs_error *err);
/* From now on it follows; range: the shard's. */
void kfs_writer_follow(struct kfs_writer *writer, const struct kfs_hash_range *range);
void kfs_writer_release(struct kfs_writer *writer);

/* Takes all of data, or its first bytes up to a record's end; or refuses it
 * and forgets it (-errno with err):
 *   -EMSGSIZE  a record is over the limit; the next write begins a new record
 *   -EINVAL    the framing's: this is no record
 *   others     of the backend; the same bytes can be written again */
ssize_t kfs_writer_write(struct kfs_writer *writer, const char *data, size_t len, struct kfs_error *err);

/* Makes a record of what is carried. 0, or -errno as above. last: nothing follows, so what is no record is lost;
 * else after -EINVAL it is still carried, as what follows may make it one, and after other errors as of a write. */
int kfs_writer_finish(struct kfs_writer *writer, bool last, struct kfs_error *err);

bool kfs_writer_has_partial(const struct kfs_writer *writer);

#endif
