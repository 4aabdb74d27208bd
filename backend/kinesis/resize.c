/* Splits and merges, and changing the number of shards: UpdateShardCount in steps, or splits and merges where an
 * endpoint has none. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend/kinesis/internal.h"

#define STEPS_MAX 64 /* each at most doubles or halves */

/* The shards as they are known, to be changed. */
struct plan {
    struct kfs_topology shards;
    char account[13]; /* for texts */
};

/* How many shards the next UpdateShardCount may ask for on the way to a target. */
static uint32_t next_count(uint32_t open, uint32_t target)
{
    if (target > open)
        return target < open * 2 ? target : open * 2;
    return target > (open + 1) / 2 ? target : (open + 1) / 2;
}

/* Whether the open shards are that many and of one width. */
static bool is_uniform(struct remote_stream *stream, uint32_t target)
{
    uint32_t found = 0;

    (void)pthread_rwlock_rdlock(&stream->lock);
    for (size_t i = 0; i < stream->n_shards; i++) {
        const struct kfs_shard_info *info = &stream->shards[i]->info;
        if (!stream->shards[i]->listed || info->closed)
            continue;
        for (uint32_t j = 0; j < target; j++) {
            struct kfs_hash_range even = kfs_hash_uniform(j, target);
            found += even.start == info->range.start && even.end == info->range.end ? 1 : 0;
        }
    }
    (void)pthread_rwlock_unlock(&stream->lock);
    return found == target;
}

/* ---- plans ---- */

static int plan_init(struct plan *plan, struct remote_stream *stream, struct kfs_error *err)
{
    struct kfs_shard_info *shards;
    struct kfs_stream_info info;
    size_t n;
    int rc = remote_stream_info(&stream->base, &info, err);

    if (rc == 0)
        rc = remote_shard_list(&stream->base, &shards, &n, err);
    if (rc != 0)
        return rc;
    plan->account[0] = '\0';
    (void)sscanf(info.arn, "arn:%*[^:]:kinesis:%*[^:]:%12[0-9]:", plan->account);
    rc = kfs_topology_init(&plan->shards, shards, n, n > 0 ? shards[n - 1].index + 1 : 0);
    plan->shards.stream = stream->name;
    plan->shards.account = plan->account;
    free(shards);
    return rc != 0 ? kfs_fail(err, -rc, "out of memory") : 0;
}

static void plan_release(struct plan *plan)
{
    kfs_topology_release(&plan->shards);
}

/* ---- by splits and merges ---- */

/* Whether the endpoint is to be asked at all. What it says to a split or merge that cannot be is its own affair:
 * kinesalite splits a closed shard again, kinesis-local answers as if a stream existed already. */
static int check(struct remote_stream *stream, uint32_t index, const uint32_t *adjacent, const kfs_hash *start,
                 struct kfs_error *err)
{
    struct plan plan;
    int rc = plan_init(&plan, stream, err);

    if (rc != 0)
        return rc;
    rc = adjacent != NULL ? kfs_topology_merge(&plan.shards, index, *adjacent, err)
                          : kfs_topology_split(&plan.shards, index, *start, err);
    plan_release(&plan);
    return rc;
}

int remote_shard_split(struct kfs_stream *s, uint32_t index, kfs_hash start, struct kfs_error *err)
{
    struct remote_stream *stream = (struct remote_stream *)s;
    char digits[KFS_HASH_DIGITS_MAX + 1];
    struct remote_shard *shard;
    int rc = remote_shard_find(stream, index, &shard, NULL, err);

    (void)kfs_hash_print(start, digits);
    if (rc == 0)
        rc = remote_stream_await(stream, err);
    if (rc == 0)
        rc = check(stream, index, NULL, &start, err);
    if (rc == 0)
        rc = remote_tell(stream->remote, "SplitShard", err,
                         "{\"StreamName\":\"%s\",\"ShardToSplit\":\"%s\",\"NewStartingHashKey\":\"%s\"}", stream->name,
                         shard->id, digits);
    return rc == 0 ? remote_stream_await(stream, err) : rc;
}

int remote_shard_merge(struct kfs_stream *s, uint32_t index, uint32_t adjacent, struct kfs_error *err)
{
    struct remote_stream *stream = (struct remote_stream *)s;
    struct remote_shard *shard;
    struct remote_shard *other;
    int rc = remote_shard_find(stream, index, &shard, NULL, err);

    if (rc == 0)
        rc = remote_shard_find(stream, adjacent, &other, NULL, err);
    if (rc == 0)
        rc = remote_stream_await(stream, err);
    if (rc == 0)
        rc = check(stream, index, &adjacent, NULL, err);
    if (rc == 0)
        rc = remote_tell(stream->remote, "MergeShards", err,
                         "{\"StreamName\":\"%s\",\"ShardToMerge\":\"%s\",\"AdjacentShardToMerge\":\"%s\"}",
                         stream->name, shard->id, other->id);
    return rc == 0 ? remote_stream_await(stream, err) : rc;
}

/* The open shard of a range, by the index that the endpoint gave it. */
static int find_range(const struct kfs_shard_info *shards, size_t n, const struct kfs_hash_range *range,
                      uint32_t *index, struct kfs_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (shards[i].closed || shards[i].range.start != range->start || shards[i].range.end != range->end)
            continue;
        *index = shards[i].index;
        return 0;
    }
    return kfs_fail(err, EAGAIN, "the shards were changed by someone else meanwhile; try again");
}

/* The open shards that are the parents of a planned one. */
static int find_parents(struct remote_stream *stream, const struct kfs_topology *plan,
                        const struct kfs_shard_info *planned, uint32_t parents[2], struct kfs_error *err)
{
    const struct kfs_shard_info *first = kfs_topology_find(plan->shards, plan->n, planned->parent);
    const struct kfs_shard_info *second = kfs_topology_find(plan->shards, plan->n, planned->adjacent_parent);
    struct kfs_shard_info *shards;
    size_t n;
    int rc = remote_shard_list(&stream->base, &shards, &n, err);

    if (rc != 0)
        return rc;
    rc = first != NULL ? find_range(shards, n, &first->range, &parents[0], err)
                       : kfs_fail(err, EIO, "a shard to be made has no parent");
    if (rc == 0 && second != NULL)
        rc = find_range(shards, n, &second->range, &parents[1], err);
    free(shards);
    return rc;
}

/* Each shard that the plan adds: the lower half of a split stands before the upper. */
static int replay(struct remote_stream *stream, const struct kfs_topology *plan, size_t known, struct kfs_error *err)
{
    uint32_t parents[2] = {KFS_NO_SHARD, KFS_NO_SHARD};
    int rc = 0;

    for (size_t i = known; rc == 0 && i < plan->n; i++) {
        const struct kfs_shard_info *planned = &plan->shards[i];
        rc = find_parents(stream, plan, planned, parents, err);
        if (rc == 0 && planned->adjacent_parent != KFS_NO_SHARD)
            rc = remote_shard_merge(&stream->base, parents[0], parents[1], err);
        else if (rc == 0 && i + 1 < plan->n)
            rc = remote_shard_split(&stream->base, parents[0], plan->shards[++i].range.start, err);
    }
    return rc;
}

int remote_stream_reshard(struct remote_stream *stream, uint32_t target, struct kfs_error *err)
{
    struct plan plan;
    size_t known;
    int rc = plan_init(&plan, stream, err);

    if (rc != 0)
        return rc;
    known = plan.shards.n;
    rc = kfs_topology_resize(&plan.shards, target, err);
    if (rc == 0)
        rc = replay(stream, &plan.shards, known, err);
    plan_release(&plan);
    return rc;
}

/* ---- either ---- */

int remote_stream_resize(struct kfs_stream *s, uint32_t target, struct kfs_error *err)
{
    struct remote_stream *stream = (struct remote_stream *)s;
    struct kfs_stream_info info;
    struct kfs_error detail = {0};
    int rc = remote_stream_check(stream, err);

    if (rc == 0)
        rc = remote_stream_await(stream, err);
    if (rc == 0 && is_uniform(stream, target))
        return 0;
    for (int i = 0; rc == 0 && i < STEPS_MAX; i++) {
        rc = remote_stream_info(s, &info, err);
        if (rc != 0 || (i > 0 && info.open_shards == target))
            return rc;
        rc = remote_tell(stream->remote, "UpdateShardCount", &detail,
                         "{\"StreamName\":\"%s\",\"TargetShardCount\":%" PRIu32 ",\"ScalingType\":\"UNIFORM_SCALING\"}",
                         stream->name, next_count(info.open_shards, target));
        if (rc == -EOPNOTSUPP)
            return remote_stream_reshard(stream, target, err);
        if (rc != 0 && err != NULL)
            *err = detail;
        if (rc == 0)
            rc = remote_stream_await(stream, err);
    }
    return rc != 0 ? rc : kfs_fail(err, EIO, "the endpoint does not reach %" PRIu32 " shards", target);
}
