/* From records of a framing to those that are stored: each is compressed, then those of
 * one batch that go to one shard are put together in aggregates.
 *
 * An aggregate holds records of one batch, which is what one write completed (or a part
 * of it: see writer.c), and is stored before the write returns: nothing waits here. A record
 * that came to be alone, or is too large to stand in an aggregate, is stored as it is.
 *
 * The records of an aggregate hash to the shard that it is put in, by an explicit hash
 * key where their partition keys do not: in `all` the owner of each is looked up and the
 * aggregate put by shard, so that none is put into a shard that was split meanwhile.
 *
 * Not locked: the owner does. */
#ifndef KFS_FS_ENCODER_H
#define KFS_FS_ENCODER_H

#include "backend/backend.h"
#include "fs/coding.h"

struct kfs_encoder {
    struct kfs_stream *stream; /* borrowed */
    uint32_t shard;            /* KFS_NO_SHARD: by partition key */
    struct kfs_coding coding;
    void *compressor;          /* the compression's context; NULL until it is needed */
    struct kfs_buf compressed; /* the data of a batch's puts, one behind the other */
};

void kfs_encoder_init(struct kfs_encoder *encoder, struct kfs_stream *stream, uint32_t shard, struct kfs_coding coding);
void kfs_encoder_release(struct kfs_encoder *encoder);

/* Before the first put of a batch. */
void kfs_encoder_begin(struct kfs_encoder *encoder);

/* Compresses the data of a batch's next put, which then has the length that is stored and
 * no address yet. -EMSGSIZE: that is over the limit; -ENOMEM. put is as before then. */
int kfs_encoder_compress(struct kfs_encoder *encoder, struct kfs_put *put, size_t limit);

/* Stores a batch whose puts have all been compressed, where the coding says so. limit: the
 * stream's, of an aggregate. puts may be changed. As kfs_append. */
int kfs_encoder_append(struct kfs_encoder *encoder, struct kfs_put *puts, size_t n, size_t limit,
                       struct kfs_error *err);

#endif
