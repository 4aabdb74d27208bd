/* Changing how many shards a stream has and how long it keeps records. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/endpoint/api_internal.h"

/* ---- shards ---- */

/* Only a stream that is ACTIVE and PROVISIONED has its shards changed. */
static int find_provisioned(struct api_call *call, const char *name, struct api_stream **out)
{
    struct api_stream *stream;

    if (api_find_named(call, name, API_CHANGEABLE, &stream) != 0)
        return -1;
    (void)pthread_mutex_lock(&stream->lock);
    bool on_demand = stream->settings.on_demand;
    (void)pthread_mutex_unlock(&stream->lock);
    if (on_demand) {
        int rc = api_fail(call, "ValidationException",
                          "Request is invalid. Stream %s under account %s is in On-Demand mode.", stream->name,
                          call->account);
        api_put_back(call, stream);
        return rc;
    }
    *out = stream;
    return 0;
}

static int check_shard(struct api_call *call, struct api_stream *stream, uint32_t shard)
{
    struct kfs_shard_info info;

    if (kfs_shard_info(stream->stream, shard, &info, NULL) == 0)
        return 0;
    return api_fail(call, "ResourceNotFoundException",
                    "Could not find shard " KFS_SHARD_ID_FORMAT " in stream %s under account %s.", shard, stream->name,
                    call->account);
}

/* Tries a split or merge on a copy, whose errors name the request's account. */
static int try_change(struct api_call *call, struct api_stream *stream, uint32_t shard, const uint32_t *adjacent,
                      kfs_hash key)
{
    struct kfs_topology plan;
    struct kfs_shard_info *shards;
    struct kfs_error err = {0};
    size_t n;

    if (kfs_shard_list(stream->stream, &shards, &n, &err) != 0)
        return api_not_found(call, stream->name);
    int rc = kfs_topology_init(&plan, shards, n, n == 0 ? 0 : shards[n - 1].index + 1);
    free(shards);
    if (rc != 0)
        return api_no_memory(call);
    plan.stream = stream->name;
    plan.account = call->account;
    rc = adjacent != NULL ? kfs_topology_merge(&plan, shard, *adjacent, &err)
                          : kfs_topology_split(&plan, shard, key, &err);
    kfs_topology_release(&plan);
    return rc == 0 ? 0 : api_fail_backend(call, &err);
}

/* Answers a change of the backend's. */
static int tell(struct api_call *call, struct api_stream *stream, const struct kfs_error *err)
{
    if (err->code == 0)
        return 0;
    return err->code == ENOENT ? api_not_found(call, stream->name) : api_fail_backend(call, err);
}

/* Of a key that is above 2^128-1, which no plan can hold; as kfs_topology_split says it. */
static int refuse_key(struct api_call *call, struct api_stream *stream, uint32_t shard, const char *key)
{
    struct kfs_shard_info info;
    char start[KFS_HASH_DIGITS_MAX + 1];
    char end[KFS_HASH_DIGITS_MAX + 1];

    if (kfs_shard_info(stream->stream, shard, &info, NULL) != 0)
        return api_not_found(call, stream->name);
    (void)kfs_hash_print(info.range.start, start);
    (void)kfs_hash_print(info.range.end, end);
    return api_invalid(call,
                       "NewStartingHashKey %s used in SplitShard() on shard " KFS_SHARD_ID_FORMAT
                       " in stream %s under account %s is not both greater than one plus the shard's StartingHashKey "
                       "%s and less than the shard's EndingHashKey %s.",
                       key, shard, stream->name, call->account, start, end);
}

static int split(struct api_call *call, struct api_stream *stream, uint32_t shard)
{
    const char *text = api_string(call, call->in, "NewStartingHashKey");
    kfs_hash key;

    if (check_shard(call, stream, shard) != 0)
        return -1;
    if (text == NULL)
        return api_no_memory(call);
    if (kfs_hash_parse(text, strlen(text), &key) != 0)
        return refuse_key(call, stream, shard, text);
    if (try_change(call, stream, shard, NULL, key) != 0)
        return -1;
    return api_reshard(call, stream, &(struct api_reshard){.kind = API_SPLIT, .shard = shard, .key = key});
}

int api_split_shard(struct api_call *call)
{
    struct api_stream *stream;
    const char *name;
    uint32_t shard;

    if (api_name(call, &name) != 0 || api_shard_id(call, "ShardToSplit", name, &shard) != 0 ||
        find_provisioned(call, name, &stream) != 0)
        return -1;
    int rc = split(call, stream, shard);
    api_put_back(call, stream);
    return rc;
}

int api_merge_shards(struct api_call *call)
{
    struct api_stream *stream;
    const char *name;
    uint32_t shard;
    uint32_t adjacent;

    if (api_name(call, &name) != 0 || api_shard_id(call, "ShardToMerge", name, &shard) != 0 ||
        api_shard_id(call, "AdjacentShardToMerge", name, &adjacent) != 0 || find_provisioned(call, name, &stream) != 0)
        return -1;
    int rc = check_shard(call, stream, shard);
    if (rc == 0)
        rc = check_shard(call, stream, adjacent);
    if (rc == 0)
        rc = try_change(call, stream, shard, &adjacent, 0);
    if (rc == 0)
        rc = api_reshard(call, stream, &(struct api_reshard){.kind = API_MERGE, .shard = shard, .adjacent = adjacent});
    api_put_back(call, stream);
    return rc;
}

static int resize(struct api_call *call, struct api_stream *stream)
{
    const int64_t target = api_integer(call->in, "TargetShardCount", 0);
    struct kfs_error err = {0};
    struct kfs_stream_info info;

    if (kfs_stream_info(stream->stream, &info, NULL) != 0)
        return api_not_found(call, stream->name);
    if (kfs_topology_check_scaling(info.open_shards, (uint32_t)target, &err) != 0)
        return api_fail_backend(call, &err);
    if (api_reshard(call, stream, &(struct api_reshard){.kind = API_RESIZE, .shard = (uint32_t)target}) != 0)
        return -1;
    kfs_out_map(&call->out, NULL);
    kfs_out_string(&call->out, "StreamName", stream->name);
    kfs_out_int(&call->out, "CurrentShardCount", info.open_shards);
    kfs_out_int(&call->out, "TargetShardCount", target);
    api_out_stream_arn(call, "StreamARN", stream->name);
    kfs_out_map_end(&call->out);
    return 0;
}

int api_update_shard_count(struct api_call *call)
{
    struct api_stream *stream;
    const char *name;

    if (api_name(call, &name) != 0 || find_provisioned(call, name, &stream) != 0)
        return -1;
    int rc = resize(call, stream);
    api_put_back(call, stream);
    return rc;
}

/* ---- retention ---- */

static int check_period(struct api_call *call, int64_t hours, uint32_t now, bool increase, const char *stream)
{
    if (hours < KFS_RETENTION_HOURS_MIN)
        return api_invalid(call,
                           "Minimum allowed retention period is %d hours. Requested retention period (%lld hours) is "
                           "too short.",
                           KFS_RETENTION_HOURS_MIN, (long long)hours);
    if (hours > KFS_RETENTION_HOURS_MAX)
        return api_invalid(call,
                           "Maximum allowed retention period is %d hours. Requested retention period (%lld hours) is "
                           "too long.",
                           KFS_RETENTION_HOURS_MAX, (long long)hours);
    if (increase && hours < now)
        return api_invalid(call,
                           "Requested retention period (%lld hours) for stream %s can not be shorter than existing "
                           "retention period (%u hours). Use DecreaseRetentionPeriod API.",
                           (long long)hours, stream, now);
    if (!increase && hours > now)
        return api_invalid(call,
                           "Requested retention period (%lld hours) for stream %s can not be longer than existing "
                           "retention period (%u hours). Use IncreaseRetentionPeriod API.",
                           (long long)hours, stream, now);
    return 0;
}

static int change_retention(struct api_call *call, bool increase)
{
    const int64_t hours = api_integer(call->in, "RetentionPeriodHours", 0);
    struct kfs_error err = {0};
    struct kfs_stream_info info;
    struct api_stream *stream;
    int rc;

    if (api_find(call, API_CHANGEABLE, &stream) != 0)
        return -1;
    if (kfs_stream_info(stream->stream, &info, NULL) != 0)
        rc = api_not_found(call, stream->name);
    else
        rc = check_period(call, hours, info.retention_hours, increase, stream->name);
    if (rc == 0 && hours != info.retention_hours) {
        (void)kfs_stream_update(stream->stream, &(struct kfs_stream_change){.retention_hours = (uint32_t)hours}, &err);
        rc = tell(call, stream, &err);
    }
    api_put_back(call, stream);
    return rc;
}

int api_increase_retention(struct api_call *call)
{
    return change_retention(call, true);
}

int api_decrease_retention(struct api_call *call)
{
    return change_retention(call, false);
}
