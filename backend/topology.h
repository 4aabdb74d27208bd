/* Which shards a stream has, and how splits, merges and resizes change them.
 *
 * Pure: no clock, no I/O, no lock. A plan is the array of shards as it will be:
 * shards that a change closes get closed = true, new ones are added at the end
 * (some closed already: a resize makes short-lived shards, as Amazon's does).
 * The caller fills in what needs a clock: created_ms and starting of the added
 * ones (they are zero), closed_ms and ending of those that are closed and have
 * none. Parents stand before their children, so one pass does it.
 *
 * Errors: -ENOENT no such shard, -EINVAL with Amazon's text, -EDQUOT a limit,
 * -EIO where the open shards do not cover the hash keys, -ENOMEM. On failure
 * nothing has changed. */
#ifndef KFS_TOPOLOGY_H
#define KFS_TOPOLOGY_H

#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"

#define KFS_SHARD_ID_FORMAT "shardId-%012u"
#define KFS_SHARD_CHILDREN_MAX 2

struct kfs_topology {
    const char *stream;  /* for error texts; borrowed, set by the caller */
    const char *account; /* the same */
    struct kfs_shard_info *shards;
    size_t n;
    size_t cap;
    uint32_t next_index; /* above every index the stream ever had, also of shards no longer kept */
};

/* Copies shards, which are in order of index; n may be 0. -ENOMEM. */
int kfs_topology_init(struct kfs_topology *t, const struct kfs_shard_info *shards, size_t n, uint32_t next_index);
void kfs_topology_release(struct kfs_topology *t);

/* Adds the first shards of a stream: `shards` equal ranges. */
int kfs_topology_create(struct kfs_topology *t, uint32_t shards, struct kfs_error *err);

/* SplitShard: the lower half first, then the upper, which starts at new_starting. */
int kfs_topology_split(struct kfs_topology *t, uint32_t shard, kfs_hash new_starting, struct kfs_error *err);

/* MergeShards: `adjacent` begins where `shard` ends; the other order is refused. */
int kfs_topology_merge(struct kfs_topology *t, uint32_t shard, uint32_t adjacent, struct kfs_error *err);

/* UpdateShardCount to any count in 1..KFS_SHARDS_MAX. From the lowest hash key
 * up: the shard that a target boundary cuts is split there, then the pieces of
 * the target range are merged from the left. */
int kfs_topology_resize(struct kfs_topology *t, uint32_t target, struct kfs_error *err);

/* Amazon's limits of one UpdateShardCount (at most double, at least half),
 * which the API enforces and a file system need not. */
int kfs_topology_check_scaling(uint32_t open_shards, uint32_t target, struct kfs_error *err);

/* The open shard that owns a hash, or NULL where none does. */
const struct kfs_shard_info *kfs_topology_owner(const struct kfs_shard_info *shards, size_t n, kfs_hash hash);

const struct kfs_shard_info *kfs_topology_find(const struct kfs_shard_info *shards, size_t n, uint32_t shard);
uint32_t kfs_topology_open_count(const struct kfs_shard_info *shards, size_t n);

/* What `shard` was split or merged into; returns how many. */
size_t kfs_topology_children(const struct kfs_shard_info *shards, size_t n, uint32_t shard,
                             uint32_t children[KFS_SHARD_CHILDREN_MAX]);

/* Fills err and returns -EROFS: an append to a closed shard, with the children to write to. */
int kfs_topology_fail_closed(const struct kfs_shard_info *shards, size_t n, uint32_t shard, struct kfs_error *err);

#endif
