/* Framings: how records become the bytes of a file and bytes become records.
 *
 * One struct of functions per framing, used in both directions. Writing: `cut`
 * finds the first whole record in what was written, `decode` makes a put of its
 * payload. Reading: `render` appends a record's bytes. A framing has no state;
 * all functions may be called from any thread. */
#ifndef KFS_FS_FRAMING_H
#define KFS_FS_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/base/record.h"

struct kfs_cut {
    /* In: bytes at the front of the data in which an earlier call found no end
     * (0 at first), so that a record that arrives in pieces is searched once.
     * Out: 0 after a record; else what to pass with the same bytes and more. */
    size_t scanned;
    size_t needed;            /* out, while a record is incomplete: how many bytes its data will have; 0 not known */
    struct kfs_bytes payload; /* out, after a record: points into the data */
    bool newline_follows;     /* out, after a record: payload.data[payload.len] is there and '\n' */
};

#define KFS_FRAME_VARIES SIZE_MAX

struct kfs_framing {
    const char *name; /* the word of the view */

    /* What is rendered is the default view's bytes: they may be read straight from the store, where it has no
     * aggregate. */
    bool stored;

    /* Aggregates are taken apart without being asked for: the framing is for what producers put, not for what is
     * stored. */
    bool takes_apart;

    /* What rendering adds to a record's data, where that is the same for all; else KFS_FRAME_VARIES. */
    size_t frame;

    /* The most data that a record has when it is written; the stream may allow less. */
    size_t record_max;

    /* What is left at the end of writing, without its delimiter, is a record
     * all the same; else it is an error of the writer. */
    bool partial_is_record;

    /* The most bytes that the frame of a record with record_max bytes of data may take: the bound of a carry buffer. */
    size_t (*framed_max)(size_t record_max);

    /* Finds the first whole record of data. Returns the bytes it takes with its
     * delimiter (> 0), 0 while it is incomplete, -EINVAL where it cannot be one. */
    ssize_t (*cut)(struct kfs_bytes data, struct kfs_cut *cut, struct kfs_error *err);

    /* Makes a put of a payload. NULL: its data is the payload, and nothing else
     * is set. Views in put point into scratch or payload. Beyond scratch->len
     * decode uses at most payload.len + 1 bytes: a caller that puts several
     * records in one scratch reserves the sum of that first, so that a later
     * decode does not move what an earlier one returned. -EINVAL where the
     * payload is malformed, -EMSGSIZE, -ENOMEM; scratch->len and put are then as before. */
    int (*decode)(struct kfs_bytes payload, struct kfs_put *put, struct kfs_buf *scratch, struct kfs_error *err);

    /* Appends a record of the shard with that index as a reader sees it. -EMSGSIZE, -ENOMEM: nothing was appended. */
    int (*render)(const struct kfs_record *record, uint32_t shard, struct kfs_buf *out);

    /* Renders as many of n records as fit into out as it is (cap bytes), whole; how many. */
    size_t (*render_run)(const struct kfs_record *records, size_t n, uint32_t shard, struct kfs_buf *out);

    /* The same of stored records. NULL where frame varies. */
    size_t (*render_stored)(const struct kfs_stored *stored, struct kfs_buf *out);

    /* The bytes that render would append. */
    size_t (*rendered_size)(const struct kfs_record *record);
};

extern const struct kfs_framing kfs_framing_lines;
extern const struct kfs_framing kfs_framing_nul;
extern const struct kfs_framing kfs_framing_raw;
extern const struct kfs_framing kfs_framing_len;
extern const struct kfs_framing kfs_framing_json;

/* The kernel sends a read(2) or write(2) of one buffer whole where it spans 256 pages at most; what a longer one
 * is cut into begins with at least 255 pages and a byte. `raw` refuses such a piece, so that a write is
 * never taken for two records. */
#define KFS_UNCUT_BYTES_MAX ((size_t)255 * 4096)

#define KFS_LEN_BYTES 4 /* of the length before a record of `len`, big-endian */

/* The cut of every framing whose frame is a line; never fails. */
ssize_t kfs_framing_cut_line(struct kfs_bytes data, struct kfs_cut *cut, struct kfs_error *err);

#endif
