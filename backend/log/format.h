/* The bytes of an index file (docs/FORMAT.md section 3): pure encoding and
 * decoding, no I/O. Decoders take foreign bytes and never read outside them. */
#ifndef KFS_LOG_FORMAT_H
#define KFS_LOG_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/record.h"

#define KFS_PAGE 4096U
#define KFS_BLOCK_HEADER 64U
#define KFS_ENTRY_FIXED 16U
#define KFS_ENTRY_MAX (KFS_ENTRY_FIXED + KFS_SEQ_BYTES + KFS_PARTITION_KEY_BYTES_MAX)
#define KFS_SLOT_SIZE 44U /* of a checkpoint, without its checksum */
/* Offsets, sizes, ordinals and times are below, so that sums of two fit an int64_t. Decoders see to it. */
#define KFS_VALUE_END (UINT64_C(1) << 62)

struct kfs_segment_header {
    uint64_t base;         /* offset in the default view */
    uint64_t first_record; /* ordinal in the shard */
    uint64_t created_ms;
    struct kfs_seq floor; /* every record's number exceeds it */
    uint32_t salt;
};

struct kfs_checkpoint {
    uint64_t generation;
    uint64_t data_size;
    uint64_t index_size; /* a multiple of nothing: the end of the last entry */
    uint64_t records;
    uint64_t last_arrival_ms;
    bool sealed;
};

/* Page 0. Encoding leaves both slots empty. Decoding: -EILSEQ when not valid. */
void kfs_header_encode(const struct kfs_segment_header *header, uint8_t page[KFS_PAGE]);
int kfs_header_decode(const uint8_t page[KFS_PAGE], struct kfs_segment_header *header);

/* Offset in page 0 of the slot that a generation goes to. */
size_t kfs_checkpoint_slot(uint64_t generation);
void kfs_checkpoint_encode(const struct kfs_checkpoint *cp, uint32_t salt, uint8_t slot[KFS_SLOT_SIZE + 4]);
/* The valid slot of higher generation, where that belongs; all zero and false where neither is. */
bool kfs_checkpoint_decode(const uint8_t page[KFS_PAGE], uint32_t salt, struct kfs_checkpoint *cp);

/* Where a record stands; what the next entry's coding depends on. */
struct kfs_place {
    uint64_t data_offset; /* in the segment */
    uint64_t record;      /* ordinal in the segment */
    uint64_t arrival_ms;
    struct kfs_seq seq;
    uint32_t chain; /* the checksum of the entry before */
};

/* A block's header describes its first record; chain is that of the entry before. */
void kfs_block_encode(const struct kfs_place *first, uint32_t salt, uint8_t header[KFS_BLOCK_HEADER]);
int kfs_block_decode(const uint8_t header[KFS_BLOCK_HEADER], uint32_t salt, struct kfs_place *first);
/* The checksum of the entry before a block, unproved; of the first block it is the salt. */
uint32_t kfs_block_chain(const uint8_t header[KFS_BLOCK_HEADER]);

struct kfs_entry {
    uint32_t checksum;
    uint32_t length;        /* of the data */
    uint32_t arrival_delta; /* to the block's first record, ms */
    bool has_seq;
    struct kfs_seq seq; /* where has_seq */
    struct kfs_bytes key;
    size_t size; /* of the entry in the page */
};

size_t kfs_entry_size(bool has_seq, size_t key_len);

/* Writes everything but the checksum, of which it returns the part over place and
 * entry, to be continued over the data and its newline. */
uint32_t kfs_entry_encode(const struct kfs_entry *entry, const struct kfs_place *place, uint8_t *out);
void kfs_entry_set_checksum(uint8_t *entry, uint32_t checksum);

/* The entry at `at` of a page of which `valid` bytes count. 1 and the entry; 0
 * where there is no further entry in the page; -EILSEQ where bytes make no entry.
 * The key points into the page. Untouched but for 1. */
int kfs_entry_decode(const uint8_t *page, size_t at, size_t valid, struct kfs_entry *entry);

/* The checksum over the place and an encoded entry, to be continued over data and
 * newline. The place is in it so that a record is not given another's offset or
 * number where an entry before it is damaged. */
uint32_t kfs_entry_checksum(const uint8_t *entry, size_t size, const struct kfs_place *place);

#endif
