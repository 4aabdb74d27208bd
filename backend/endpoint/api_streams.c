/* Streams: creating, deleting, describing and listing them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/endpoint/api_internal.h"

#define LIST_MAX 100
#define SHARD_LIMIT 20000 /* what the service grants in its largest regions */
#define ON_DEMAND_LIMIT 50

/* ---- CreateStream ---- */

struct creation {
    struct kfs_stream_spec spec;
    struct api_settings settings;
    struct api_tags tags;
};

static int read_warm(struct api_call *call, struct api_settings *settings)
{
    if (!api_has(call, "WarmThroughputMiBps"))
        return 0;
    if (!settings->on_demand)
        return api_invalid(call, "WarmThroughputMiBps is only for streams with StreamMode=ON_DEMAND");
    settings->warm_mibps = (uint32_t)api_integer(call->in, "WarmThroughputMiBps", 0);
    return api_check_warm(call, settings->warm_mibps);
}

static int read_creation(struct api_call *call, const char *name, struct creation *c)
{
    const struct kfs_value *details = kfs_value_get(call->in, "StreamModeDetails");
    const struct kfs_value *tags = kfs_value_get(call->in, "Tags");
    const int64_t shards = api_integer(call->in, "ShardCount", 0);
    const char *mode = details == NULL ? NULL : api_string(call, details, "StreamMode");

    c->settings.on_demand = mode != NULL && strcmp(mode, "ON_DEMAND") == 0;
    if (c->settings.on_demand && shards != 0)
        return api_invalid(call, "ShardCount is not expected when StreamMode=ON_DEMAND");
    if (mode != NULL && !c->settings.on_demand && shards == 0)
        return api_invalid(call, "ShardCount is expected when StreamMode=PROVISIONED");
    if (mode == NULL && shards == 0)
        c->settings.on_demand = true;
    if (read_warm(call, &c->settings) != 0)
        return -1;
    if (shards > KFS_SHARDS_MAX)
        return api_fail(call, "LimitExceededException",
                        "This request would exceed the shard limit for the account %s in %s. Current shard count for "
                        "the account: 0. Limit: %d. Number of additional shards that would have resulted from this "
                        "request: %lld. Refer to the AWS Service Limits page "
                        "(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits "
                        "and how to request higher limits.",
                        call->account, call->region, KFS_SHARDS_MAX, (long long)shards);
    c->spec.shards = c->settings.on_demand ? API_ON_DEMAND_SHARDS : (uint32_t)shards;
    c->spec.max_record_bytes = (uint32_t)api_integer(call->in, "MaxRecordSizeInKiB", 0) * 1024;
    return tags == NULL ? 0 : api_tags_add(call, tags, name, &c->tags);
}

static bool is_default(const struct api_settings *s)
{
    return !s->on_demand && s->warm_mibps == 0;
}

/* Makes the stream, with its settings: a crash leaves both or neither. */
static int create(struct api_call *call, const char *name, const struct creation *c)
{
    struct kfs_stream_spec spec = c->spec;
    struct kfs_tag tags[API_TAGS_MAX];
    struct kfs_error err = {0};
    struct kfs_buf note;

    kfs_buf_init(&note, KFS_NOTE_BYTES_MAX);
    for (size_t i = 0; i < c->tags.n; i++)
        tags[i] = (struct kfs_tag){c->tags.tags[i].key, c->tags.tags[i].value};
    spec.tags = tags;
    spec.n_tags = c->tags.n;
    if (!is_default(&c->settings)) {
        if (api_settings_print(&c->settings, &note) != 0) {
            kfs_buf_release(&note);
            return api_no_memory(call);
        }
        spec.note = API_NOTE_STREAM;
        spec.note_text = (struct kfs_bytes){note.data, note.len};
    }
    int rc = kfs_stream_create(call->api->config.backend, name, &spec, &err);
    kfs_buf_release(&note);
    if (rc == -EEXIST)
        return api_fail(call, "ResourceInUseException", "Stream %s under account %s already exists.", name,
                        call->account);
    return rc == 0 ? 0 : api_fail_backend(call, &err);
}

/* Shows it as CREATING. */
static int begin_stream(struct api_call *call, const char *name)
{
    struct api_stream *stream;

    if (api_find_named(call, name, API_EVEN_DELETING, &stream) != 0)
        return -1;
    api_pass(call->api, stream, KFS_CREATING);
    api_put_back(call, stream);
    return 0;
}

int api_create_stream(struct api_call *call)
{
    const char *name = api_string(call, call->in, "StreamName");
    struct api_stream *old = api_table_ref(call->api, name, NULL);
    struct creation c = {0};

    if (old != NULL) {
        api_put_back(call, old);
        return api_fail(call, "ResourceInUseException", "Stream %s under account %s already exists.", name,
                        call->account);
    }
    int rc = read_creation(call, name, &c);
    if (rc == 0)
        rc = create(call, name, &c);
    if (rc == 0)
        rc = begin_stream(call, name);
    api_settings_release(&c.settings);
    api_tags_release(&c.tags);
    return rc;
}

/* ---- DeleteStream ---- */

/* Under stream.changes, so that no consumer is registered meanwhile. */
static int delete_locked(struct api_call *call, struct api_stream *stream)
{
    struct kfs_error err = {0};

    (void)pthread_mutex_lock(&stream->lock);
    bool consumers = stream->n_consumers > 0;
    (void)pthread_mutex_unlock(&stream->lock);
    if (api_status(call->api, stream) == KFS_DELETING)
        return 0;
    if (consumers && !api_bool(call->in, "EnforceConsumerDeletion"))
        return api_fail(
            call, "ResourceInUseException",
            "DeleteStream can't delete arn:%s:kinesis:%s:%s:stream/%s because there are consumers associated "
            "with this data stream. To delete %s anyway, set the EnforceConsumerDeletion parameter to true to "
            "force the deletion of all the consumers that are associated with it.",
            api_partition(call->region), call->region, call->account, stream->name, stream->name);
    if (kfs_stream_delete(stream->stream, &err) != 0)
        return err.code == ENOENT ? api_not_found(call, stream->name) : api_fail_backend(call, &err);
    api_pass(call->api, stream, KFS_DELETING);
    return 0;
}

int api_delete_stream(struct api_call *call)
{
    struct api_stream *stream;

    if (api_find(call, API_EVEN_DELETING, &stream) != 0)
        return -1;
    (void)pthread_mutex_lock(&stream->changes);
    int rc = delete_locked(call, stream);
    (void)pthread_mutex_unlock(&stream->changes);
    api_put_back(call, stream);
    return rc;
}

/* ---- describing ---- */

/* The stream's information now; what it was where it is passing away. */
static void info_of(struct api_stream *stream, struct kfs_stream_info *info)
{
    if (kfs_stream_info(stream->stream, info, NULL) != 0)
        *info = stream->made;
}

static void out_mode(struct kfs_out *out, const struct api_settings *s)
{
    kfs_out_map(out, "StreamModeDetails");
    kfs_out_string(out, "StreamMode", s->on_demand ? "ON_DEMAND" : "PROVISIONED");
    kfs_out_map_end(out);
}

void api_out_metrics(struct kfs_out *out, const char *key, uint32_t metrics)
{
    kfs_out_list(out, key);
    for (size_t i = 0; api_metric_names[i] != NULL; i++)
        if ((metrics >> i & 1U) != 0)
            kfs_out_string(out, NULL, api_metric_names[i]);
    kfs_out_list_end(out);
}

/* Members that DescribeStream and DescribeStreamSummary share. Under stream.lock. */
static void out_description(struct api_call *call, struct api_stream *stream, const struct kfs_stream_info *info,
                            enum kfs_stream_status status)
{
    const struct api_settings *s = &stream->settings;
    struct kfs_out *out = &call->out;

    kfs_out_string(out, "StreamName", stream->name);
    api_out_stream_arn(call, "StreamARN", stream->name);
    kfs_out_string(out, "StreamStatus", api_status_name(status));
    out_mode(out, s);
    kfs_out_int(out, "RetentionPeriodHours", info->retention_hours);
    kfs_out_time_ms(out, "StreamCreationTimestamp", info->created_ms / 1000 * 1000);
    kfs_out_list(out, "EnhancedMonitoring");
    kfs_out_map(out, NULL);
    api_out_metrics(out, "ShardLevelMetrics", s->metrics);
    kfs_out_map_end(out);
    kfs_out_list_end(out);
    kfs_out_string(out, "EncryptionType", s->key_id != NULL ? "KMS" : "NONE");
    if (s->key_id != NULL)
        kfs_out_string(out, "KeyId", s->key_id);
}

static int out_shards(struct api_call *call, struct api_stream *stream, bool *more)
{
    const char *start = api_string(call, call->in, "ExclusiveStartShardId");
    int64_t limit = api_integer(call->in, "Limit", LIST_MAX);
    struct kfs_shard_info *shards;
    uint32_t after = 0;
    int64_t given = 0;
    size_t n;

    if (start != NULL && api_shard_id_parse(start, &after) != 0)
        return api_fail(call, "ResourceNotFoundException", "Could not find shard %s in stream %s under account %s.",
                        start, stream->name, call->account);
    if (api_shards(call, stream, &shards, &n) != 0)
        return -1;
    limit = limit < LIST_MAX ? limit : LIST_MAX;
    for (size_t i = 0; i < n && !*more; i++) {
        if (start != NULL && shards[i].index <= after)
            continue;
        *more = given++ == limit;
        if (!*more)
            api_out_shard(call, &shards[i]);
    }
    free(shards);
    return 0;
}

int api_describe_stream(struct api_call *call)
{
    struct kfs_stream_info info;
    struct api_stream *stream;
    bool more = false;
    int rc = 0;

    if (api_find(call, API_EVEN_DELETING, &stream) != 0)
        return -1;
    enum kfs_stream_status status = api_status(call->api, stream);
    info_of(stream, &info);
    kfs_out_map(&call->out, NULL);
    kfs_out_map(&call->out, "StreamDescription");
    (void)pthread_mutex_lock(&stream->lock);
    out_description(call, stream, &info, status);
    (void)pthread_mutex_unlock(&stream->lock);
    kfs_out_list(&call->out, "Shards");
    if (status == KFS_ACTIVE || status == KFS_UPDATING)
        rc = out_shards(call, stream, &more);
    kfs_out_list_end(&call->out);
    kfs_out_bool(&call->out, "HasMoreShards", more);
    kfs_out_map_end(&call->out);
    kfs_out_map_end(&call->out);
    api_put_back(call, stream);
    return rc;
}

void api_out_warm(struct kfs_out *out, uint32_t mibps)
{
    kfs_out_map(out, "WarmThroughput");
    kfs_out_int(out, "TargetMiBps", mibps);
    kfs_out_int(out, "CurrentMiBps", mibps);
    kfs_out_map_end(out);
}

int api_describe_stream_summary(struct api_call *call)
{
    struct kfs_stream_info info;
    struct api_stream *stream;
    struct kfs_out *out = &call->out;

    if (api_find(call, API_EVEN_DELETING, &stream) != 0)
        return -1;
    enum kfs_stream_status status = api_status(call->api, stream);
    info_of(stream, &info);
    kfs_out_map(out, NULL);
    kfs_out_map(out, "StreamDescriptionSummary");
    (void)pthread_mutex_lock(&stream->lock);
    out_description(call, stream, &info, status);
    kfs_out_int(out, "ConsumerCount", (int64_t)stream->n_consumers);
    if (stream->settings.warm_mibps > 0)
        api_out_warm(out, stream->settings.warm_mibps);
    (void)pthread_mutex_unlock(&stream->lock);
    kfs_out_int(out, "OpenShardCount", status == KFS_CREATING ? 0 : info.open_shards);
    kfs_out_int(out, "MaxRecordSizeInKiB", info.max_record_bytes / 1024);
    kfs_out_map_end(out);
    kfs_out_map_end(out);
    api_put_back(call, stream);
    return 0;
}

/* ---- listing ---- */

static void out_summary(struct api_call *call, struct api_stream *stream)
{
    struct kfs_out *out = &call->out;

    kfs_out_map(out, NULL);
    kfs_out_string(out, "StreamName", stream->name);
    api_out_stream_arn(call, "StreamARN", stream->name);
    kfs_out_string(out, "StreamStatus", api_status_name(api_status(call->api, stream)));
    (void)pthread_mutex_lock(&stream->lock);
    out_mode(out, &stream->settings);
    (void)pthread_mutex_unlock(&stream->lock);
    kfs_out_time_ms(out, "StreamCreationTimestamp", stream->made.created_ms / 1000 * 1000);
    kfs_out_map_end(out);
}

/* A page's names, and its summaries. A stream that went meanwhile has no summary. */
static void out_page(struct api_call *call, api_stream_name *names, size_t n, bool more)
{
    struct kfs_out *out = &call->out;
    struct kfs_page page = {.list = KFS_PAGE_STREAMS};

    kfs_out_map(out, NULL);
    kfs_out_list(out, "StreamNames");
    for (size_t i = 0; i < n; i++)
        kfs_out_string(out, NULL, names[i]);
    kfs_out_list_end(out);
    kfs_out_bool(out, "HasMoreStreams", more);
    if (more) {
        (void)snprintf(page.after, sizeof page.after, "%s", names[n - 1]);
        api_out_page_token(call, &page);
    }
    kfs_out_list(out, "StreamSummaries");
    for (size_t i = 0; i < n; i++) {
        struct api_stream *stream = api_table_ref(call->api, names[i], NULL);
        if (stream == NULL)
            continue;
        out_summary(call, stream);
        api_put_back(call, stream);
    }
    kfs_out_list_end(out);
    kfs_out_map_end(out);
}

int api_list_streams(struct api_call *call)
{
    const char *after = api_string(call, call->in, "ExclusiveStartStreamName");
    const char *token = api_string(call, call->in, "NextToken");
    size_t limit = (size_t)api_integer(call->in, "Limit", LIST_MAX);
    struct kfs_page page = {.list = KFS_PAGE_STREAMS};
    api_stream_name *names;
    struct kfs_error err = {0};
    size_t first = 0;
    size_t n;

    if (token != NULL && after != NULL)
        return api_invalid(call, "NextToken and ExclusiveStartStreamName cannot be provided together.");
    if (token != NULL) {
        if (api_page_token(call, token, &page) != 0)
            return -1;
        after = page.after;
    }
    if (api_table_names(call->api, &names, &n, &err) != 0)
        return api_fail_backend(call, &err);
    while (after != NULL && first < n && strcmp(names[first], after) <= 0)
        first++;
    limit = limit < LIST_MAX ? limit : LIST_MAX;
    bool more = n - first > limit;
    out_page(call, n == 0 ? NULL : names + first, more ? limit : n - first, more);
    free(names);
    return 0;
}

int api_describe_limits(struct api_call *call)
{
    struct kfs_error err = {0};
    struct kfs_stream_info info;
    api_stream_name *names;
    int64_t on_demand = 0;
    int64_t shards = 0;
    size_t n;

    if (api_table_names(call->api, &names, &n, &err) != 0)
        return api_fail_backend(call, &err);
    for (size_t i = 0; i < n; i++) {
        struct api_stream *stream = api_table_ref(call->api, names[i], NULL);
        if (stream == NULL)
            continue;
        if (kfs_stream_info(stream->stream, &info, NULL) == 0)
            shards += info.open_shards;
        (void)pthread_mutex_lock(&stream->lock);
        on_demand += stream->settings.on_demand ? 1 : 0;
        (void)pthread_mutex_unlock(&stream->lock);
        api_put_back(call, stream);
    }
    free(names);
    kfs_out_map(&call->out, NULL);
    kfs_out_int(&call->out, "ShardLimit", SHARD_LIMIT);
    kfs_out_int(&call->out, "OpenShardCount", shards);
    kfs_out_int(&call->out, "OnDemandStreamCount", on_demand);
    kfs_out_int(&call->out, "OnDemandStreamCountLimit", ON_DEMAND_LIMIT);
    kfs_out_map_end(&call->out);
    return 0;
}
