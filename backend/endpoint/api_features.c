/* Settings of a stream that are kept and shown: encryption, monitoring, mode,
 * record size and warm throughput. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/endpoint/api_internal.h"

#define WARM_MIBPS_MAX 10240

/* A change of settings under way; between begin and end the stream's changes are locked. */
struct change {
    struct api_stream *stream;
    struct api_settings settings;
};

static int begin(struct api_call *call, enum api_need need, struct change *change)
{
    if (api_find(call, need, &change->stream) != 0)
        return -1;
    (void)pthread_mutex_lock(&change->stream->changes);
    if (api_settings_copy(call, change->stream, &change->settings) == 0)
        return 0;
    (void)pthread_mutex_unlock(&change->stream->changes);
    api_put_back(call, change->stream);
    return -1;
}

/* Keeps the settings where rc is 0, and shows UPDATING where `updating`. Returns the outcome. */
static int end(struct api_call *call, struct change *change, int rc, bool updating)
{
    if (rc == 0)
        rc = api_settings_replace(call, change->stream, &change->settings);
    if (rc != 0)
        api_settings_release(&change->settings);
    else if (updating)
        api_pass(call->api, change->stream, KFS_UPDATING);
    (void)pthread_mutex_unlock(&change->stream->changes);
    api_put_back(call, change->stream);
    return rc;
}

/* ---- encryption: the setting only, the store is not encrypted by it ---- */

static int set_key(struct api_call *call, const char *key_id)
{
    struct change change;
    int rc = 0;

    if (begin(call, API_CHANGEABLE, &change) != 0)
        return -1;
    free(change.settings.key_id);
    change.settings.key_id = key_id == NULL ? NULL : strdup(key_id);
    if (key_id != NULL && change.settings.key_id == NULL)
        rc = api_no_memory(call);
    return end(call, &change, rc, true);
}

static int check_kms(struct api_call *call)
{
    const char *type = api_string(call, call->in, "EncryptionType");

    if (type != NULL && strcmp(type, "KMS") != 0)
        return api_invalid(call, "EncryptionType must be KMS, not %s.", type);
    return 0;
}

int api_start_encryption(struct api_call *call)
{
    const char *key_id = api_string(call, call->in, "KeyId");

    if (key_id == NULL)
        return api_no_memory(call);
    return check_kms(call) != 0 ? -1 : set_key(call, key_id);
}

int api_stop_encryption(struct api_call *call)
{
    return check_kms(call) != 0 ? -1 : set_key(call, NULL);
}

/* ---- monitoring ---- */

static uint32_t metrics_of(struct api_call *call)
{
    const struct kfs_value *list = kfs_value_get(call->in, "ShardLevelMetrics");
    uint32_t metrics = 0;

    for (size_t i = 0; i < list->n; i++) {
        const char *name = api_text_of(call, &list->items[i]);
        if (name != NULL && strcmp(name, "ALL") == 0)
            metrics = API_METRICS_ALL;
        for (size_t j = 0; name != NULL && api_metric_names[j] != NULL; j++)
            metrics |= strcmp(name, api_metric_names[j]) == 0 ? 1U << j : 0;
    }
    return metrics;
}

static int set_monitoring(struct api_call *call, bool enable)
{
    const uint32_t named = metrics_of(call);
    struct change change;

    if (begin(call, API_CHANGEABLE, &change) != 0)
        return -1;
    const uint32_t before = change.settings.metrics;
    change.settings.metrics = enable ? before | named : before & ~named;
    kfs_out_map(&call->out, NULL);
    kfs_out_string(&call->out, "StreamName", change.stream->name);
    api_out_metrics(&call->out, "CurrentShardLevelMetrics", before);
    api_out_metrics(&call->out, "DesiredShardLevelMetrics", change.settings.metrics);
    api_out_stream_arn(call, "StreamARN", change.stream->name);
    kfs_out_map_end(&call->out);
    return end(call, &change, 0, false);
}

int api_enable_monitoring(struct api_call *call)
{
    return set_monitoring(call, true);
}

int api_disable_monitoring(struct api_call *call)
{
    return set_monitoring(call, false);
}

/* ---- warm throughput and mode ---- */

int api_check_warm(struct api_call *call, int64_t mibps)
{
    if (!api_has_commitment(call))
        return api_fail(call, "ValidationException",
                        "Warm throughput needs the account's minimum throughput billing commitment.");
    if (mibps > WARM_MIBPS_MAX)
        return api_fail(call, "LimitExceededException", "WarmThroughputMiBps can be %d at most.", WARM_MIBPS_MAX);
    return 0;
}

int api_update_mode(struct api_call *call)
{
    const char *mode = api_string(call, kfs_value_get(call->in, "StreamModeDetails"), "StreamMode");
    struct change change;
    int rc = 0;

    if (mode == NULL)
        return api_no_memory(call);
    if (begin(call, API_CHANGEABLE, &change) != 0)
        return -1;
    change.settings.on_demand = strcmp(mode, "ON_DEMAND") == 0;
    const int64_t mibps =
        api_integer(call->in, "WarmThroughputMiBps", change.settings.on_demand ? change.settings.warm_mibps : 0);
    if (!change.settings.on_demand && api_has(call, "WarmThroughputMiBps"))
        rc = api_invalid(call, "WarmThroughputMiBps is only for streams with StreamMode=ON_DEMAND");
    else if (api_has(call, "WarmThroughputMiBps"))
        rc = api_check_warm(call, mibps);
    change.settings.warm_mibps = (uint32_t)mibps;
    return end(call, &change, rc, true);
}

int api_update_warm_throughput(struct api_call *call)
{
    const int64_t mibps = api_integer(call->in, "WarmThroughputMiBps", 0);
    struct change change;
    int rc = 0;

    if (begin(call, API_CHANGEABLE, &change) != 0)
        return -1;
    if (!change.settings.on_demand)
        rc = api_fail(call, "ValidationException",
                      "Request is invalid. Stream %s under account %s is not in On-Demand mode.", change.stream->name,
                      call->account);
    else
        rc = api_check_warm(call, mibps);
    change.settings.warm_mibps = (uint32_t)mibps;
    if (rc == 0) {
        kfs_out_map(&call->out, NULL);
        api_out_stream_arn(call, "StreamARN", change.stream->name);
        kfs_out_string(&call->out, "StreamName", change.stream->name);
        api_out_warm(&call->out, (uint32_t)mibps);
        kfs_out_map_end(&call->out);
    }
    return end(call, &change, rc, true);
}

/* ---- record size: the backend's own setting ---- */

int api_update_record_size(struct api_call *call)
{
    const int64_t kib = api_integer(call->in, "MaxRecordSizeInKiB", 0);
    struct kfs_error err = {0};
    struct api_stream *stream;
    int rc = 0;

    if (api_find(call, API_CHANGEABLE, &stream) != 0)
        return -1;
    const struct kfs_stream_change change = {.max_record_bytes = (uint32_t)kib * 1024};
    if (kfs_stream_update(stream->stream, &change, &err) == 0)
        api_pass(call->api, stream, KFS_UPDATING);
    else
        rc = err.code == ENOENT ? api_not_found(call, stream->name) : api_fail_backend(call, &err);
    api_put_back(call, stream);
    return rc;
}
