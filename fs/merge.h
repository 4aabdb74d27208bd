/* The bytes of a file that is not simply the stored bytes of one shard: `all`
 * in any view, and one shard in a framing whose `stored` is false, with a coding, or where it may have aggregates.
 *
 * Offset 0 is the position of each shard that the file begins at, by default its
 * horizon, when the merge was made; of shards that appear later it is their horizon
 * then. Offsets keep their meaning while the merge lives, the size never shrinks,
 * and what was read at an offset is read again the same.
 *
 * Order: by arrival time, ties by shard; within a shard the shard's own order.
 * A record counts as arriving no earlier than the newest record of its shard's
 * parents, so a child's records follow its parents' also where the clocks of a
 * remote service disagree. A shard that appears later shows nothing before its parents
 * are known to have come whole, which of a remote source may be later than its own records.
 *
 * Appenders race, so a record may become visible after a younger one was shown.
 * The order is therefore made by *extensions*: one fixes the end offset of each
 * shard; the records between the previous ends and these are merged, and stand
 * after all that there was. The ends of past extensions are remembered. At most
 * KFS_MERGE_EXTENSIONS_MAX are: then small neighbouring ones, of the older
 * half, are joined. A later seek into a joined stretch may find its records in
 * another order among the shards than they were first shown in (never in
 * another order within a shard; sequential readers are not affected).
 *
 * Sizes: an extension is measured when it is made, shard by shard: what lies between
 * two offsets is their distance, corrected by the number of records where the
 * framing adds another number of bytes to each than the default view, and taken
 * from the shard's gauge (gauge.h) where frames vary, or behind the shard's first aggregate where
 * these are taken apart. In the latter cases a
 * damaged record is met then: the extension ends before it in that shard.
 * What retention removes before it was measured counts as in the default view.
 *
 * Memory: KFS_MERGE_PREFETCH_BYTES of records read ahead (and one record more)
 * while it is among the KFS_MERGE_POOL_MAX merges of its pool that were read last,
 * KFS_MERGE_READERS_MAX readers, KFS_MERGE_CHECKPOINT_BYTES of places to seek
 * from, and about 40 bytes a shard for each of KFS_MERGE_CURSORS cursors.
 *
 * Errors: -ESTALE where retention has removed what is asked for, -EIO at a
 * damaged record, after what is whole before it (where frames vary: after all that
 * is whole); those of backend.h. None loses the place: the same call can be made again.
 *
 * Threads: any; one mutex in the merge, held during backend reads, and taken
 * before those of gauges and every lock of the backend. Where frames vary, what no
 * one has measured yet is read under it, the first time from one end to the other. A gauge that is due is saved after
 * it was let go. */
#ifndef KFS_FS_MERGE_H
#define KFS_FS_MERGE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend/backend.h"
#include "fs/decoder.h"
#include "fs/gauge.h"
#include "fs/place.h"

#define KFS_MERGE_EXTENSIONS_MAX 1024
#define KFS_MERGE_CURSORS 4
#define KFS_MERGE_READERS_MAX 256
#define KFS_MERGE_PREFETCH_BYTES ((size_t)8 << 20)
#define KFS_MERGE_POOL_MAX 8
#define KFS_MERGE_CHECKPOINT_BYTES ((size_t)8 << 20)

struct kfs_merge;

/* Merges that were read lately, and so have records in memory. The others forget
 * them: the number of open files does not decide how much memory is used. */
struct kfs_merge_pool {
    pthread_mutex_t lock; /* taken before a merge's, which is then only tried */
    struct kfs_merge *newest;
    struct kfs_merge *oldest;
    size_t n; /* at most KFS_MERGE_POOL_MAX, and those that are being read */

    struct kfs_gauges gauges;
};

void kfs_merge_pool_init(struct kfs_merge_pool *pool);
void kfs_merge_pool_release(struct kfs_merge_pool *pool); /* after every merge of it */

/* What a merge shows. */
struct kfs_merge_file {
    struct kfs_stream *stream; /* borrowed, outlives the merge */
    uint32_t shard;            /* KFS_NO_SHARD for all */
    const struct kfs_framing *framing;
    struct kfs_coding coding;
    /* In each shard, as kfs_from_in_shard has it; KFS_LAST_RECORDS: of the merged ones; KFS_AT_OFFSET: exactly there.
     */
    struct kfs_position from;
    /* Borrowed while the merge lives, or NULL: then each shard begins behind its place, or at its horizon. */
    const struct kfs_places *places;
};

/* The pool is borrowed and outlives the merge. */
int kfs_merge_new(struct kfs_merge_pool *pool, const struct kfs_merge_file *file, struct kfs_merge **out,
                  struct kfs_error *err);
void kfs_merge_free(struct kfs_merge *merge); /* takes NULL */

/* Exact; extends to what is there now. On failure what could be had is in the known size. */
int kfs_merge_size(struct kfs_merge *merge, uint64_t *size, struct kfs_error *err);

/* Without extending; for the attributes of what failed. Reads nothing, but waits for the mutex. */
uint64_t kfs_merge_known_size(struct kfs_merge *merge);

/* Where the records that are not wholly before `offset` (at most the known size) begin. */
struct kfs_merge_offset {
    uint32_t shard;
    uint64_t offset; /* in its default view */
};

/* Of the shards that have records before it. *list is malloc'ed; the caller frees it. The errors of a read. */
int kfs_merge_offsets(struct kfs_merge *merge, uint64_t offset, struct kfs_merge_offset **list, size_t *n,
                      struct kfs_error *err);
/* What reads since the last call showed as it is because it could not be decoded. */
void kfs_merge_take_undecoded(struct kfs_merge *merge, struct kfs_undecoded *undecoded);

/* Up to len bytes; fewer only before an error or the tip. 0 at the tip that there is now: it extends first. */
ssize_t kfs_merge_read(struct kfs_merge *merge, uint64_t offset, void *data, size_t len, struct kfs_error *err);

#endif
