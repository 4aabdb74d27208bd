/* A segment: its two files, what is known of them, and which parts of the
 * data have been verified. Internal to backend/log. */
#ifndef KFS_LOG_SEGMENT_H
#define KFS_LOG_SEGMENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "backend/base/error.h"
#include "backend/base/io.h"
#include "backend/log/format.h"

#define KFS_SEGMENT_NAME_MAX 32      /* 20 digits and .index */
#define KFS_VERIFY_CHUNK (64U << 10) /* bytes of data per verified bit */

struct kfs_segment {
    const struct kfs_io *io;
    uint64_t base;      /* constant */
    uint64_t map_bytes; /* constant: what the verified map is made for */
    atomic_int refs;    /* one is the log's */

    pthread_mutex_t load; /* guards the opening of the files */
    atomic_bool loaded;
    atomic_bool sealed; /* durably; nothing in it will change */
    atomic_bool listed; /* in the log's list of those that are sealed and have their files open */
    bool unreadable;    /* the last loading failed for another reason than what is in the files */
    int data_fd;        /* -1 until loaded; constant then */
    int index_fd;
    struct kfs_segment_header header;
    struct kfs_checkpoint checkpoint; /* as loaded; later the log's sync lock guards it */

    /* What readers may look at. Under the log's state lock while the segment is
     * active; constant afterwards. index_size is 0 where it is not known (then
     * the checkpoint's counts). */
    uint64_t data_size;
    uint64_t index_size;
    uint64_t records;
    uint64_t last_arrival_ms; /* of the last of them; not known of segments found sealed */

    /* The log's sync lock. */
    uint64_t synced_data;
    bool name_synced; /* and, since it was opened, the header and what else was in the page cache */

    atomic_uintptr_t verified; /* array of _Atomic uint64_t, a bit per chunk; freed with the segment */
    size_t verified_words;     /* constant once verified is set */
};

/* map_bytes: how large the data file is expected to become. */
struct kfs_segment *kfs_segment_new(const struct kfs_io *io, uint64_t base, uint64_t map_bytes);
struct kfs_segment *kfs_segment_ref(struct kfs_segment *seg);
void kfs_segment_unref(struct kfs_segment *seg); /* the last closes the files */

void kfs_segment_data_name(uint64_t base, char name[KFS_SEGMENT_NAME_MAX]);
void kfs_segment_index_name(uint64_t base, char name[KFS_SEGMENT_NAME_MAX]);
/* True, and base, for the name of a segment's data or index file; false for an offset that none begins at. */
bool kfs_segment_parse_name(const char *name, uint64_t *base, bool *is_index);

/* Makes the two files with a header. Nothing is synced. */
int kfs_segment_create(struct kfs_segment *seg, int dir, const struct kfs_segment_header *header);

/* Opens the files where they are not, and reads header and checkpoint.
 * -EIO with a text where one is missing or the header is damaged. */
int kfs_segment_load(struct kfs_segment *seg, int dir, struct kfs_error *err);

/* Writes the next checkpoint (not synced). */
int kfs_segment_checkpoint(struct kfs_segment *seg, struct kfs_checkpoint *cp);

/* Whether all chunks of [from, to) are verified; marks the chunks wholly inside. */
bool kfs_segment_is_verified(const struct kfs_segment *seg, uint64_t from, uint64_t to);
void kfs_segment_mark_verified(struct kfs_segment *seg, uint64_t from, uint64_t to);

#endif
