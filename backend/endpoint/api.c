/* The API as a whole: making it, its table of operations, its counters. */
#include "backend/endpoint/api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "backend/endpoint/api_internal.h"

/* In the order of kfs_operations, one for each. What changes a stream's shards or settings waits for a disk. */
const struct api_operation api_operations[] = {
    {"AddTagsToStream", api_add_tags, true},
    {"CreateStream", api_create_stream, true},
    {"DecreaseStreamRetentionPeriod", api_decrease_retention, true},
    {"DeleteResourcePolicy", api_delete_policy, true},
    {"DeleteStream", api_delete_stream, true},
    {"DeregisterStreamConsumer", api_deregister_consumer, true},
    {"DescribeAccountSettings", api_describe_account, true},
    {"DescribeLimits", api_describe_limits, true},
    {"DescribeStream", api_describe_stream, false},
    {"DescribeStreamConsumer", api_describe_consumer, false},
    {"DescribeStreamSummary", api_describe_stream_summary, false},
    {"DisableEnhancedMonitoring", api_disable_monitoring, true},
    {"EnableEnhancedMonitoring", api_enable_monitoring, true},
    {"GetRecords", api_get_records, false},
    {"GetResourcePolicy", api_get_policy, false},
    {"GetShardIterator", api_get_shard_iterator, false},
    {"IncreaseStreamRetentionPeriod", api_increase_retention, true},
    {"ListShards", api_list_shards, false},
    {"ListStreamConsumers", api_list_consumers, false},
    {"ListStreams", api_list_streams, true},
    {"ListTagsForResource", api_list_resource_tags, true},
    {"ListTagsForStream", api_list_tags, true},
    {"MergeShards", api_merge_shards, true},
    {"PutRecord", api_put_record, false},
    {"PutRecords", api_put_records, false},
    {"PutResourcePolicy", api_put_policy, true},
    {"RegisterStreamConsumer", api_register_consumer, true},
    {"RemoveTagsFromStream", api_remove_tags, true},
    {"SplitShard", api_split_shard, true},
    {"StartStreamEncryption", api_start_encryption, true},
    {"StopStreamEncryption", api_stop_encryption, true},
    {"SubscribeToShard", api_subscribe, false},
    {"TagResource", api_tag_resource, true},
    {"UntagResource", api_untag_resource, true},
    {"UpdateAccountSettings", api_update_account, true},
    {"UpdateMaxRecordSize", api_update_record_size, true},
    {"UpdateShardCount", api_update_shard_count, true},
    {"UpdateStreamMode", api_update_mode, true},
    {"UpdateStreamWarmThroughput", api_update_warm_throughput, true},
};

const size_t api_n_operations = sizeof api_operations / sizeof api_operations[0];

size_t api_operation_index(struct kfs_bytes name)
{
    const struct kfs_operation *operation = kfs_operation_find(name);

    return operation == NULL ? api_n_operations : (size_t)(operation - kfs_operations);
}

bool kfs_api_is_slow(const struct kfs_api *api, const struct kfs_http_request *request)
{
    const size_t i = api_operation_index(api_target(request));

    if (i == api_n_operations)
        return false;
    if (api_operations[i].slow || kfs_is_remote(api->config.backend))
        return true;
    return api->config.sync_always &&
           (api_operations[i].function == api_put_record || api_operations[i].function == api_put_records);
}

int kfs_api_new(const struct kfs_api_config *config, struct kfs_api **out, struct kfs_error *err)
{
    struct kfs_api *api = calloc(1, sizeof *api);
    uint64_t seed;

    if (api == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    api->config = *config;
    api->counters = calloc(api_n_operations + 1, sizeof *api->counters);
    if (api->counters == NULL || getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
        free(api->counters);
        free(api);
        return kfs_fail(err, ENOMEM, "out of memory");
    }
    atomic_init(&api->nonce, seed);
    api_table_init(&api->table);
    (void)pthread_mutex_init(&api->account, NULL);
    (void)pthread_mutex_init(&api->subscriptions.lock, NULL);
    api_later_init(&api->later);
    int rc = api_tokens_init(api, err);
    if (rc == 0)
        rc = api_later_load(api, err);
    if (rc != 0) {
        kfs_api_free(api);
        return rc;
    }
    *out = api;
    return 0;
}

void kfs_api_free(struct kfs_api *api)
{
    if (api == NULL)
        return;
    api_later_release(api);
    api_table_release(api);
    (void)pthread_mutex_destroy(&api->account);
    (void)pthread_mutex_destroy(&api->subscriptions.lock);
    free(api->counters);
    free(api);
}

/* splitmix64 of a counter: no two alike before 2^64 have been given. */
void api_nonces(struct kfs_api *api, uint64_t *nonces, size_t n)
{
    const uint64_t step = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t counter = atomic_fetch_add(&api->nonce, n * step);

    for (size_t i = 0; i < n; i++, counter += step) {
        uint64_t z = (counter ^ (counter >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        nonces[i] = z ^ (z >> 31);
    }
}

uint64_t api_nonce(struct kfs_api *api)
{
    uint64_t nonce;

    api_nonces(api, &nonce, 1);
    return nonce;
}
