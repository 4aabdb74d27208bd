/* What a gauge knows, kept as a note of the stream, so that a mount need not read a shard for what one before it has
 * read. Numbers are little-endian:
 *
 *     0    8   "kfsgaug2"
 *     8   16   the program's version, with NULs behind it: what another renders may have other sizes
 *    24   24   the sequence number of the last record that was measured
 *    48    8   where it begins in the default view
 *    56    8   its bytes in the view
 *    64   24   for each stretch where it begins, where it ends, and its bytes in the view; in order, one at least
 *          4   CRC-32C of all before
 *
 * The last record is what ties it to the shard: where power loss has taken records, or a repair, another number
 * stands there. */
#ifndef KFS_FS_GAUGE_NOTE_H
#define KFS_FS_GAUGE_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"
#include "fs/coding.h"
#include "fs/framing.h"

#define KFS_GAUGE_STRETCHES_MAX ((size_t)2048)

struct kfs_stretch {
    uint64_t first; /* where its first record begins */
    uint64_t upto;  /* where its last one ends */
    uint64_t bytes; /* of its records in the view */
};

/* The last record that was measured. */
struct kfs_gauge_end {
    struct kfs_seq seq;
    uint64_t offset;
    uint64_t size; /* in the view */
};

struct kfs_gauge_note {
    struct kfs_gauge_end end;
    size_t n;
    struct kfs_stretch stretches[KFS_GAUGE_STRETCHES_MAX];
};

/* KFS_NOTE_DERIVED, the view's words, and the shard. */
void kfs_gauge_note_name(const struct kfs_framing *framing, struct kfs_coding coding, uint32_t shard,
                         char name[KFS_NOTE_NAME_MAX + 1]);

/* Whether a note's name is that of a gauge, and of which shard. */
bool kfs_gauge_note_shard(const char *name, uint32_t *shard);

/* Appends. -ENOMEM, -EMSGSIZE. */
int kfs_gauge_note_print(const struct kfs_gauge_end *end, const struct kfs_stretch *stretches, size_t n,
                         struct kfs_buf *text);

/* False for anything else; *note is then spoilt. */
bool kfs_gauge_note_parse(struct kfs_bytes text, struct kfs_gauge_note *note);

#endif
