/* Aggregates of the Kinesis Producer Library: many user records in the data of one
 * record. Source: aggregation-format.md of awslabs/amazon-kinesis-producer, and
 * AggregatorUtil of awslabs/amazon-kinesis-client 3.x.
 *
 * Its frame is that of base/aggregate.h. The message in it is a protobuf (proto2) of three fields: 1 the partition
 * keys, 2 the explicit hash keys in decimal, 3 the user records. A user record has the fields 1 index of its partition
 * key, 2 index of its explicit hash key or nothing, 3 its data, and 4 tags, which nobody makes and which are passed
 * over here.
 *
 * A user record's place is the aggregate's sequence number and the index of the user
 * record in it, its sub-sequence number. */
#ifndef KFS_CODEC_KPL_H
#define KFS_CODEC_KPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/hashkey.h"
#include "backend/base/record.h"

/* ---- putting together ---- */

/* Aggregates for one shard: a writer never crosses hash ranges, because its caller has
 * one for each shard. Memory: twice the limit, and 48 bytes for each key, at most;
 * it is kept until the writer is freed. Used by one thread at a time. */
struct kfs_kpl_writer;

/* limit: bytes of an aggregate, at most, magic and digest counted; up to
 * KFS_RECORD_BYTES_MAX. range: the shard's, or {0, KFS_HASH_MAX} where it does not
 * matter; see kfs_kpl_add. NULL: no memory. */
struct kfs_kpl_writer *kfs_kpl_writer_new(size_t limit, const struct kfs_hash_range *range);
void kfs_kpl_writer_free(struct kfs_kpl_writer *writer); /* takes NULL */

/* Adds a copy of a user record. KCL drops what hashes to another shard, so a record
 * that has no explicit hash key and whose partition key hashes outside the range is
 * given the start of the range as one. On failure nothing was added:
 * -EAGAIN    the aggregate would exceed the limit: close it, and add again
 * -EMSGSIZE  an aggregate of this one record would: put it as it is
 * -EINVAL    the key is not 1..KFS_PARTITION_KEY_CHARS_MAX characters of UTF-8, or the
 *            explicit hash key lies outside the range
 * -ENOMEM */
int kfs_kpl_add(struct kfs_kpl_writer *writer, const struct kfs_put *put);

/* User records that it holds, and the length of the aggregate of them, exactly. */
size_t kfs_kpl_count(const struct kfs_kpl_writer *writer);
size_t kfs_kpl_size(const struct kfs_kpl_writer *writer);

/* Appends the aggregate to `to` and empties the writer; nothing where it is empty. KPL
 * itself puts a user record that came to be alone as it is; a caller may do the same.
 * On failure (kfs_buf_reserve's) the writer is as before. */
int kfs_kpl_close(struct kfs_kpl_writer *writer, struct kfs_buf *to);

/* ---- taking apart ---- */

struct kfs_kpl_record {
    struct kfs_bytes key; /* as Kinesis has them; both point into the aggregate */
    struct kfs_bytes data;
    uint64_t index; /* the sub-sequence number */
    bool has_explicit_hash;
    kfs_hash explicit_hash;
};

/* What an aggregate may hold: its partition keys repeat for nothing, so that much more
 * may come out of it than went in. */
struct kfs_kpl_limit {
    size_t records;
    size_t bytes; /* of data and partition keys together */
};

/* Reused from aggregate to aggregate; its memory is at most 4/3 of the longest. */
struct kfs_kpl_reader {
    struct kfs_buf keys;   /* where in the message each table entry is: its length, then its text */
    struct kfs_buf hashes; /* the same of explicit hash keys */
    struct kfs_bytes message;
    size_t at; /* where in it the next field begins */
    uint64_t next;
};

void kfs_kpl_reader_init(struct kfs_kpl_reader *reader);
void kfs_kpl_reader_release(struct kfs_kpl_reader *reader);

/* Checks the whole of a record's data, which must stay until the last kfs_kpl_next.
 * -EINVAL: not an aggregate, or one that is malformed: no digest, a message that is not
 * well-formed, an index outside its table, a bad key, no user record. -EMSGSIZE: over
 * the limit. In both cases it is to be shown as it is, as one record. -ENOMEM. */
int kfs_kpl_open(struct kfs_kpl_reader *reader, struct kfs_bytes data, const struct kfs_kpl_limit *limit);

/* The next user record; false after the last. */
bool kfs_kpl_next(struct kfs_kpl_reader *reader, struct kfs_kpl_record *record);

/* Whether its hash key (the explicit one, or else the partition key's) lies in the
 * range of the shard that the aggregate was read from. Where it does not, shards were
 * split while it was on its way; KPL puts that user record again, where it belongs,
 * and KCL drops the aggregate from the first such record on together with those before
 * it. So a reader that shows all loses nothing, and may see a user record twice. */
bool kfs_kpl_in_range(const struct kfs_kpl_record *record, const struct kfs_hash_range *range);

#endif
