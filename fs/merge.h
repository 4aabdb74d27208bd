/* The bytes of a file that is not simply the stored bytes of one shard: `all`
 * in any framing, and one shard in a framing whose `stored` is false.
 *
 * Offset 0 is the horizon of each shard when the merge was made. Offsets keep
 * their meaning while the merge lives, the size never shrinks, and what was
 * read at an offset is read again the same.
 *
 * Order: by arrival time, ties by shard; within a shard the shard's own order.
 * A record counts as arriving no earlier than the newest record of its shard's
 * parents, so a child's records follow its parents' also where the clocks of a
 * remote service disagree.
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
 * Sizes: for a framing that is stored they are sums of offsets. For others each
 * record is read once to be measured, by the first kfs_merge_size after it came
 * or by the read that passes it.
 *
 * Memory: KFS_MERGE_PREFETCH_BYTES of records read ahead (and one record more)
 * while it is among the KFS_MERGE_POOL_MAX merges of its pool that were read last,
 * KFS_MERGE_READERS_MAX readers, KFS_MERGE_CHECKPOINT_BYTES of places to seek
 * from, and about 40 bytes a shard for each of KFS_MERGE_CURSORS + 1 cursors.
 *
 * Errors: -ESTALE where retention has removed what is asked for, -EIO at a
 * damaged record, after what is whole before it; those of backend.h. None
 * loses the place: the same call can be made again.
 *
 * Threads: any; one mutex in the merge, held during backend reads, and taken
 * before every lock of the backend. A first kfs_merge_size of a framing that is
 * not stored reads the whole stream under it. */
#ifndef KFS_FS_MERGE_H
#define KFS_FS_MERGE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend/backend.h"
#include "fs/framing.h"

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
};

void kfs_merge_pool_init(struct kfs_merge_pool *pool);
void kfs_merge_pool_release(struct kfs_merge_pool *pool); /* after every merge of it */

/* Stream and pool are borrowed and outlive the merge. shard is KFS_NO_SHARD for all. */
int kfs_merge_new(struct kfs_merge_pool *pool, struct kfs_stream *stream, uint32_t shard,
                  const struct kfs_framing *framing, struct kfs_merge **out, struct kfs_error *err);
void kfs_merge_free(struct kfs_merge *merge); /* takes NULL */

/* Exact; extends to what is there now. */
int kfs_merge_size(struct kfs_merge *merge, uint64_t *size, struct kfs_error *err);

/* Without extending or measuring; for the attributes of what failed. Reads nothing, but waits for the mutex. */
uint64_t kfs_merge_known_size(struct kfs_merge *merge);

/* Up to len bytes; fewer only before an error or the tip. 0 at the tip that there is now: it extends first. */
ssize_t kfs_merge_read(struct kfs_merge *merge, uint64_t offset, void *data, size_t len, struct kfs_error *err);

#endif
