/* Records on their way in (puts) and out (batches). */
#ifndef KFS_BASE_RECORD_H
#define KFS_BASE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/hashkey.h"
#include "backend/base/seqnum.h"

#define KFS_PARTITION_KEY_CHARS_MAX 256     /* Unicode characters, at least 1 */
#define KFS_PARTITION_KEY_BYTES_MAX 1024    /* the same as UTF-8 */
#define KFS_RECORD_BYTES_DEFAULT (1U << 20) /* a new stream's record limit */
#define KFS_RECORD_BYTES_MAX (10U << 20)    /* the highest a stream may set */

struct kfs_put {
    struct kfs_bytes data;         /* 0..the stream's limit */
    struct kfs_bytes key;          /* valid UTF-8; empty means the shard's id, where a shard is named */
    const kfs_hash *explicit_hash; /* routes instead of the key; NULL */
    bool newline_follows;          /* the byte after data is readable and '\n': saves a copy */
};

struct kfs_put_result {
    int error;      /* 0 or -errno for this record */
    uint32_t shard; /* where it went */
    struct kfs_seq seq;
};

/* A place in a shard. */
enum kfs_position_type {
    KFS_AT_HORIZON,     /* the oldest record kept */
    KFS_AT_LATEST,      /* after the newest record there is now */
    KFS_AT_SEQUENCE,    /* the first record whose number is >= seq */
    KFS_AFTER_SEQUENCE, /* the first record whose number is > seq */
    KFS_AT_TIME,        /* the first record that arrived at time_ms or later, or the tip */
    KFS_AT_OFFSET,      /* the first record that begins at byte `offset` or later */
    KFS_LAST_RECORDS    /* the last `count` records there are now */
};

struct kfs_position {
    enum kfs_position_type type;
    struct kfs_seq seq;
    uint64_t time_ms;
    uint64_t offset;
    uint64_t count;
};

struct kfs_record {
    struct kfs_seq seq;
    uint64_t arrival_ms;
    uint64_t offset;  /* of its first byte in the default view; the next record's is offset + data.len + 1 */
    uint64_t ordinal; /* in the shard, whose first record is 0 */
    struct kfs_bytes key;
    struct kfs_bytes data;
    bool aggregate; /* it begins as an aggregate does, where the shard may have some (struct kfs_extent) */
    uint64_t
        sub; /* of a user record that the front end took out of an aggregate: its sub-sequence number and 1; else 0 */
};

/* What a read returns; reused from call to call. Records point into storage. */
struct kfs_batch {
    struct kfs_record *records;
    size_t n;
    size_t cap;
    struct kfs_buf storage;
    uint64_t next; /* the offset to go on from, also when n is 0 */
    uint64_t tip;  /* the shard's end when the read was made */
};

struct kfs_limit {
    size_t records; /* at most, 1..10000 */
    size_t bytes;   /* of data, at most, but one record is always given */
};

#define KFS_STORED_BYTES ((size_t)32 << 10) /* they stay in the processor's nearest cache */
#define KFS_STORED_MAX 1024

/* Whole records of one shard as they are in the default view, each with its newline, one behind the other: what a
 * framing needs that adds as much to each. */
struct kfs_stored {
    /* In: the last record is the one that reaches `room` bytes, where each counts as its data and `frame` bytes. */
    size_t room;
    size_t frame;
    uint64_t offset; /* of the first */
    size_t n;
    uint32_t ends[KFS_STORED_MAX]; /* in bytes, behind the newline of each */
    char bytes[KFS_STORED_BYTES];
};

void kfs_batch_init(struct kfs_batch *batch);
void kfs_batch_release(struct kfs_batch *batch);

/* For backends: empties it, keeping its memory. */
void kfs_batch_clear(struct kfs_batch *batch);

/* For backends: room for so many bytes more in the storage, which may move. -ENOMEM. */
int kfs_batch_reserve(struct kfs_batch *batch, size_t bytes);

/* For backends: adds a record, copying its key, and its data unless that lies in the batch's storage already. The
 * storage may move, and with it what records point to. -ENOMEM. */
int kfs_batch_add(struct kfs_batch *batch, const struct kfs_record *record);

/* The same in two steps, so that a record is made where it will stand: copying one just made takes longer than making
 * it, since the processor waits for stores of another width. NULL: no memory. */
struct kfs_record *kfs_batch_room(struct kfs_batch *batch);
int kfs_batch_keep(struct kfs_batch *batch);

#endif
