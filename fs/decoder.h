/* From stored records to what a view shows of them: an aggregate is taken apart, each
 * record is expanded, and the framing renders what that makes. A stored record is one
 * piece of the file, however many records it becomes: places in files are between
 * stored records.
 *
 * Which records are aggregates: in a view with `kpl` every one that begins so; else, where the
 * framing takes apart, those that the shard knows of (kfs_record.aggregate), so that a shard that
 * knows of none is read and measured as if there were nothing to decode. Of all other records
 * this is the framing, and adds nothing, unless they are to be expanded.
 *
 * Bounds: what a record expands to is at most KFS_RECORD_BYTES_MAX, as what can be
 * written; what one stored record becomes is at most KFS_DECODED_BYTES_MAX that were
 * expanded and as much that was not, in KFS_DECODED_RECORDS_MAX records.
 *
 * What cannot be decoded is shown as it is, and counted: a record that does not
 * expand, an aggregate that is malformed, and what is over the bounds. Whoever
 * decodes a stored record gets the same, whatever was decoded before.
 *
 * Used by one thread at a time; made without memory, which decoding takes and
 * kfs_decoder_trim gives back. */
#ifndef KFS_FS_DECODER_H
#define KFS_FS_DECODER_H

#include "backend/base/record.h"
#include "backend/codec/kpl.h"
#include "fs/coding.h"
#include "fs/framing.h"

#define KFS_DECODED_BYTES_MAX ((size_t)16 << 20)
#define KFS_DECODED_RECORDS_MAX ((size_t)65536)

/* What could not be decoded. */
struct kfs_undecoded {
    uint64_t records;   /* user records, or aggregates as a whole */
    bool over;          /* some of them because of a bound: */
    struct kfs_seq seq; /* the last such stored record */
    uint32_t shard;
};

struct kfs_decoder {
    const struct kfs_framing *framing;
    struct kfs_coding coding;
    struct kfs_undecoded undecoded; /* by kfs_decoder_render; the owner may reset it */
    struct kfs_kpl_reader kpl;
    void *expander; /* the compression's context; NULL until it is needed */
    struct kfs_buf expanded;
};

void kfs_decoder_init(struct kfs_decoder *decoder, const struct kfs_framing *framing, struct kfs_coding coding);
void kfs_decoder_release(struct kfs_decoder *decoder);
void kfs_decoder_trim(struct kfs_decoder *decoder);

/* What a stored record's rendering has more than its data: the framing's; KFS_FRAME_VARIES with any coding. */
size_t kfs_decoder_frame(const struct kfs_decoder *decoder);

/* Whether that holds only of what lies below the shard's aggregates_from: behind it records are taken apart. */
bool kfs_decoder_takes_apart(const struct kfs_decoder *decoder);

/* How many of the records, from the first on, the framing renders as they are. */
size_t kfs_decoder_plain(const struct kfs_decoder *decoder, const struct kfs_record *records, size_t n);

/* The most bytes that the rendering of a stored record may take. */
size_t kfs_decoder_max(const struct kfs_decoder *decoder);

/* Appends a stored record as a reader sees it. -EMSGSIZE, -ENOMEM: nothing was appended. */
int kfs_decoder_render(struct kfs_decoder *decoder, const struct kfs_record *record, uint32_t shard,
                       struct kfs_buf *out);

/* The bytes that would append. -ENOMEM. */
int kfs_decoder_size(struct kfs_decoder *decoder, const struct kfs_record *record, size_t *size);

#endif
