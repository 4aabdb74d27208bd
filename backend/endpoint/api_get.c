/* GetShardIterator and GetRecords. Iterators are stateless: a token says where to
 * read on, when it was made and for which stream. */
#include <errno.h>
#include <string.h>

#include "backend/endpoint/api_internal.h"

#define RECORDS_MAX 10000

/* ---- GetShardIterator ---- */

static int no_such_shard(struct api_call *call, uint32_t shard, const char *stream)
{
    return api_fail(call, "ResourceNotFoundException",
                    "Shard " KFS_SHARD_ID_FORMAT " in stream %s under account %s does not exist", shard, stream,
                    call->account);
}

/* The stream to read from; where there is none the service tells of the shard. */
static int find_readable(struct api_call *call, const char *name, uint32_t shard, struct api_stream **stream)
{
    if (api_find_named(call, name, API_READABLE, stream) == 0)
        return 0;
    if (call->failure.status != 400)
        return -1;
    api_forget_failure(call);
    return no_such_shard(call, shard, name);
}

static int locate(struct api_call *call, struct api_stream *stream)
{
    const char *id = api_string(call, call->in, "ShardId");
    struct api_starting starting = {.type = api_string(call, call->in, "ShardIteratorType"),
                                    .sequence = api_string(call, call->in, "StartingSequenceNumber")};
    struct kfs_shard_info shard;
    uint64_t offset;

    if (id == NULL || starting.type == NULL)
        return api_no_memory(call);
    starting.has_time = api_time_ms(call->in, "Timestamp", &starting.time_ms);
    if (api_shard(call, stream, id, &shard) != 0 || api_locate(call, stream, &shard, &starting, &offset) != 0 ||
        api_dry_run(call) != 0)
        return -1;
    kfs_out_map(&call->out, NULL);
    api_out_iterator(call, "ShardIterator", stream, shard.index, offset);
    kfs_out_map_end(&call->out);
    return 0;
}

int api_get_shard_iterator(struct api_call *call)
{
    struct api_stream *stream;
    const char *name;
    uint32_t shard;

    if (api_name(call, &name) != 0 || api_shard_id(call, "ShardId", name, &shard) != 0 ||
        find_readable(call, name, shard, &stream) != 0)
        return -1;
    int rc = locate(call, stream);
    api_put_back(call, stream);
    return rc;
}

/* ---- GetRecords ---- */

/* The stream of an iterator: that one, not another that has its name now. To be put back also on failure. */
static int find(struct api_call *call, const struct kfs_iterator *it, struct api_stream **stream)
{
    struct kfs_shard_info shard;
    char id[API_SHARD_ID_MAX];

    if (find_readable(call, it->stream, it->shard, stream) != 0)
        return -1;
    if ((*stream)->made.generation != it->generation)
        return no_such_shard(call, it->shard, it->stream);
    api_shard_id_print(it->shard, id);
    return api_shard(call, *stream, id, &shard);
}

static int read_records(struct api_call *call, struct api_stream *stream, const struct kfs_iterator *it)
{
    const struct kfs_limit limit = {.records = (size_t)api_integer(call->in, "Limit", RECORDS_MAX),
                                    .bytes = KFS_RECORD_BYTES_MAX};
    struct kfs_out *out = &call->out;
    struct api_reading reading;
    struct kfs_error err = {0};

    if (!api_may_read(call->api, stream, it->shard))
        return api_fail(call, "ProvisionedThroughputExceededException",
                        "Rate exceeded for shard " KFS_SHARD_ID_FORMAT " in stream %s under account %s.", it->shard,
                        stream->name, call->account);
    api_reading_init(&reading);
    int rc = api_read(stream, it->shard, it->position.offset, &limit, &reading, &err);
    if (rc == 0) {
        api_has_read(call->api, stream, it->shard, reading.batch.storage.len);
        kfs_out_map(out, NULL);
        api_out_records(out, "Records", &reading.batch, atomic_load(&stream->kms));
        kfs_out_int(out, "MillisBehindLatest", (int64_t)reading.millis_behind);
        if (reading.ended)
            rc = api_out_children(out, stream, it->shard);
        else
            api_out_iterator(call, "NextShardIterator", stream, it->shard, reading.next);
        kfs_out_map_end(out);
    }
    api_reading_release(&reading);
    if (rc == -ENOENT)
        return api_not_found(call, stream->name);
    return rc == 0 || call->failure.type != NULL ? rc : api_fail_backend(call, &err);
}

int api_get_records(struct api_call *call)
{
    const char *text = api_string(call, call->in, "ShardIterator");
    const char *arn = api_string(call, call->in, "StreamARN");
    struct api_stream *stream = NULL;
    struct kfs_iterator it;
    struct api_arn named;
    int rc;

    if (text == NULL)
        return api_no_memory(call);
    if (api_iterator(call, text, &it) != 0)
        return -1;
    if (arn != NULL && (api_arn_parse(arn, &named) != 0 || strcmp(named.stream, it.stream) != 0))
        return api_invalid(call, "StreamARN %s is not that of the ShardIterator.", arn);
    rc = find(call, &it, &stream);
    if (rc == 0)
        rc = api_dry_run(call);
    if (rc == 0)
        rc = read_records(call, stream, &it);
    api_put_back(call, stream);
    return rc;
}
