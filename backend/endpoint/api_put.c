/* PutRecord and PutRecords. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/logger.h"
#include "backend/endpoint/api_internal.h"

#define REQUEST_BYTES_MAX (10U << 20) /* data and keys of one PutRecords */

/* A record of the request as a put; hash is where its explicit one is kept. */
static int read_put(struct api_call *call, const struct kfs_value *in, struct kfs_put *put, kfs_hash *hash)
{
    const struct kfs_value *data = kfs_value_get(in, "Data");
    const struct kfs_value *key = kfs_value_get(in, "PartitionKey");
    const struct kfs_value *explicit_hash = kfs_value_get(in, "ExplicitHashKey");

    *put = (struct kfs_put){.data = data->bytes, .key = key->bytes, .newline_follows = data->newline_follows};
    if (explicit_hash == NULL)
        return 0;
    if (kfs_hash_parse(explicit_hash->bytes.data, explicit_hash->bytes.len, hash) != 0)
        return api_invalid(call,
                           "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified "
                           "value was %.*s",
                           (int)explicit_hash->bytes.len, (const char *)explicit_hash->bytes.data);
    put->explicit_hash = hash;
    return 0;
}

static int too_large(struct api_call *call, const char *path, uint32_t limit)
{
    return api_fail(call, "ValidationException",
                    "1 validation error detected: Value at '%s' failed to satisfy constraint: Member must have length "
                    "less than or equal to %u",
                    path, limit);
}

static void out_encryption(struct api_call *call, struct api_stream *stream)
{
    if (atomic_load(&stream->kms))
        kfs_out_string(&call->out, "EncryptionType", "KMS");
}

static void out_shard_id(struct api_call *call, uint32_t shard)
{
    char text[API_SHARD_ID_MAX];

    api_shard_id_print(shard, text);
    kfs_out_string(&call->out, "ShardId", text);
}

/* With sync_always an answer says that the records survive power loss. */
static int sync_stream(struct api_call *call, struct api_stream *stream, uint32_t shard)
{
    struct kfs_error err = {0};

    if (!call->api->config.sync_always)
        return 0;
    int rc = kfs_sync_wait(stream->stream, shard);
    if (rc == 0)
        return 0;
    (void)kfs_fail(&err, -rc, "stream %s could not be synced", stream->name);
    return api_fail_backend(call, &err);
}

static int rate_exceeded(struct api_call *call, struct api_stream *stream, uint32_t shard)
{
    return api_fail(call, "ProvisionedThroughputExceededException",
                    "Rate exceeded for shard " KFS_SHARD_ID_FORMAT " in stream %s under account %s.", shard,
                    stream->name, call->account);
}

/* The open shard that a put goes to; only asked where limits are kept or an order is asked for. */
static int route(struct api_stream *stream, const struct kfs_put *put, uint32_t *shard)
{
    const kfs_hash hash =
        put->explicit_hash != NULL ? *put->explicit_hash : kfs_hash_of_key(put->key.data, put->key.len);
    struct kfs_shard_info *shards;
    size_t n;

    if (kfs_shard_list(stream->stream, &shards, &n, NULL) != 0)
        return -ENOENT;
    const struct kfs_shard_info *owner = kfs_topology_owner(shards, n, hash);
    int rc = owner == NULL ? -ENOENT : 0;
    if (rc == 0)
        *shard = owner->index;
    free(shards);
    return rc;
}

/* ---- PutRecord ---- */

/* Whether a number is above all that the shard that the put goes to has given. */
static bool is_above(struct api_stream *stream, const struct kfs_put *put, const struct api_sequence *sequence)
{
    struct kfs_extent extent;
    uint32_t shard;

    return sequence->version == 2 && route(stream, put, &shard) == 0 && sequence->shard == shard &&
           kfs_shard_extent(stream->stream, shard, &extent, NULL) == 0 && !kfs_seq_is_none(&extent.last) &&
           kfs_seq_cmp(&sequence->seq, &extent.last) > 0;
}

/* SequenceNumberForOrdering is what an earlier put returned. One of the shard's that was never
 * given, or from the future, could not be exceeded. */
static int check_ordering(struct api_call *call, struct api_stream *stream, const struct kfs_put *put)
{
    const char *text = api_string(call, call->in, "SequenceNumberForOrdering");
    struct api_sequence sequence;

    if (text == NULL || (api_sequence_parse(text, &sequence) == 0 && sequence.time_s <= call->now_ms / 1000 + 1 &&
                         !is_above(stream, put, &sequence)))
        return 0;
    return api_invalid(call,
                       "ExclusiveMinimumSequenceNumber %s used in PutRecord on stream %s under account %s is invalid.",
                       text, stream->name, call->account);
}

static int put_one(struct api_call *call, struct api_stream *stream)
{
    struct kfs_stream_info info;
    struct kfs_put_result result;
    struct kfs_error err = {0};
    struct kfs_put put;
    kfs_hash hash;
    uint32_t shard;

    if (kfs_stream_info(stream->stream, &info, NULL) != 0)
        return api_not_found(call, stream->name);
    if (read_put(call, call->in, &put, &hash) != 0 || check_ordering(call, stream, &put) != 0)
        return -1;
    if (put.data.len > info.max_record_bytes)
        return too_large(call, "data", info.max_record_bytes);
    if (api_dry_run(call) != 0)
        return -1;
    if (call->api->config.limits && route(stream, &put, &shard) == 0 &&
        !api_may_write(call->api, stream, shard, put.data.len + put.key.len))
        return rate_exceeded(call, stream, shard);
    if (kfs_append(stream->stream, KFS_NO_SHARD, &put, 1, &result, &err) != 0)
        return err.code == ENOENT ? api_not_found(call, stream->name) : api_fail_backend(call, &err);
    if (sync_stream(call, stream, result.shard) != 0)
        return -1;
    kfs_out_map(&call->out, NULL);
    out_shard_id(call, result.shard);
    api_out_seq(&call->out, "SequenceNumber", &result.seq);
    out_encryption(call, stream);
    kfs_out_map_end(&call->out);
    return 0;
}

int api_put_record(struct api_call *call)
{
    struct api_stream *stream;

    if (api_find(call, API_READABLE, &stream) != 0)
        return -1;
    int rc = put_one(call, stream);
    api_put_back(call, stream);
    return rc;
}

/* ---- PutRecords ---- */

struct batch {
    size_t n;
    struct kfs_put *puts;
    kfs_hash *hashes;
    struct kfs_put_result *results;
    struct kfs_put *sent; /* those that limits let through */
    struct kfs_put_result *sent_results;
};

static int batch_read(struct api_call *call, const struct kfs_value *records, uint32_t limit, struct batch *b)
{
    const size_t limited = call->api->config.limits ? records->n : 0;
    size_t bytes = 0;

    *b = (struct batch){.n = records->n};
    b->puts = kfs_arena_alloc(call->arena, b->n * sizeof *b->puts);
    b->hashes = kfs_arena_alloc(call->arena, b->n * sizeof *b->hashes);
    b->results = kfs_arena_alloc(call->arena, b->n * sizeof *b->results);
    b->sent = kfs_arena_alloc(call->arena, limited * sizeof *b->sent);
    b->sent_results = kfs_arena_alloc(call->arena, limited * sizeof *b->sent_results);
    if (b->puts == NULL || b->hashes == NULL || b->results == NULL || b->sent == NULL || b->sent_results == NULL)
        return api_no_memory(call);
    for (size_t i = 0; i < b->n; i++) {
        if (read_put(call, &records->items[i], &b->puts[i], &b->hashes[i]) != 0)
            return -1;
        if (b->puts[i].data.len > limit) {
            char path[48];
            (void)snprintf(path, sizeof path, "records.%zu.member.data", i + 1);
            return too_large(call, path, limit);
        }
        bytes += b->puts[i].data.len + b->puts[i].key.len;
    }
    if (bytes > REQUEST_BYTES_MAX)
        return api_invalid(call, "Records size exceeds 10 MB limit");
    return 0;
}

/* Appends what the limits let through. Results say -EAGAIN of the others. */
static int append_limited(struct api_call *call, struct api_stream *stream, struct batch *b, struct kfs_error *err)
{
    size_t sent = 0;

    for (size_t i = 0; i < b->n; i++) {
        uint32_t shard = KFS_NO_SHARD;
        bool may = route(stream, &b->puts[i], &shard) != 0 ||
                   api_may_write(call->api, stream, shard, b->puts[i].data.len + b->puts[i].key.len);
        b->results[i] = (struct kfs_put_result){.error = may ? 0 : -EAGAIN, .shard = shard};
        if (may)
            b->sent[sent++] = b->puts[i];
    }
    int rc = sent == 0 ? 0 : kfs_append(stream->stream, KFS_NO_SHARD, b->sent, sent, b->sent_results, err);
    sent = 0;
    for (size_t i = 0; i < b->n; i++)
        if (b->results[i].error != -EAGAIN)
            b->results[i] = b->sent_results[sent++];
    return rc;
}

static void out_result(struct api_call *call, struct api_stream *stream, const struct kfs_put_result *result)
{
    struct kfs_out *out = &call->out;
    char text[256];

    kfs_out_map(out, NULL);
    if (result->error == 0) {
        api_out_seq(out, "SequenceNumber", &result->seq);
        out_shard_id(call, result->shard);
    } else if (result->error == -EAGAIN) {
        (void)snprintf(text, sizeof text,
                       "Rate exceeded for shard " KFS_SHARD_ID_FORMAT " in stream %s under account %s.", result->shard,
                       stream->name, call->account);
        kfs_out_string(out, "ErrorCode", "ProvisionedThroughputExceededException");
        kfs_out_string(out, "ErrorMessage", text);
    } else {
        kfs_out_string(out, "ErrorCode", "InternalFailure");
        kfs_out_string(out, "ErrorMessage", "Internal Service Failure");
    }
    kfs_out_map_end(out);
}

static int put_many(struct api_call *call, struct api_stream *stream)
{
    struct kfs_stream_info info;
    struct kfs_error err = {0};
    int64_t failed = 0;
    struct batch b;

    if (kfs_stream_info(stream->stream, &info, NULL) != 0)
        return api_not_found(call, stream->name);
    if (batch_read(call, kfs_value_get(call->in, "Records"), info.max_record_bytes, &b) != 0 || api_dry_run(call) != 0)
        return -1;
    int rc = call->api->config.limits ? append_limited(call, stream, &b, &err)
                                      : kfs_append(stream->stream, KFS_NO_SHARD, b.puts, b.n, b.results, &err);
    if (rc == -ENOENT)
        return api_not_found(call, stream->name);
    if (rc != 0)
        kfs_log(KFS_LOG_ERROR, "API: PutRecords on stream %s: %s", stream->name, err.text);
    for (size_t i = 0; i < b.n; i++)
        failed += b.results[i].error != 0;
    if (failed < (int64_t)b.n && sync_stream(call, stream, KFS_NO_SHARD) != 0)
        return -1;
    kfs_out_map(&call->out, NULL);
    kfs_out_int(&call->out, "FailedRecordCount", failed);
    kfs_out_list(&call->out, "Records");
    for (size_t i = 0; i < b.n; i++)
        out_result(call, stream, &b.results[i]);
    kfs_out_list_end(&call->out);
    out_encryption(call, stream);
    kfs_out_map_end(&call->out);
    return 0;
}

int api_put_records(struct api_call *call)
{
    struct api_stream *stream;

    if (api_find(call, API_READABLE, &stream) != 0)
        return -1;
    int rc = put_many(call, stream);
    api_put_back(call, stream);
    return rc;
}
