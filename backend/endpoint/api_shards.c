/* Shards: finding one, and ListShards with its filters and pages. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/endpoint/api_internal.h"

#define LIST_MAX 1000

/* ---- what other operations need ---- */

/* When retention begins: a shard that closed before is no longer told of. */
static uint64_t horizon_ms(const struct api_call *call, const struct kfs_stream_info *info)
{
    const uint64_t kept = info->retention_hours * API_HOUR_MS;

    return call->now_ms > kept ? call->now_ms - kept : 0;
}

int api_shards(struct api_call *call, struct api_stream *stream, struct kfs_shard_info **shards, size_t *n)
{
    struct kfs_stream_info info;
    struct kfs_error err = {0};
    size_t kept = 0;

    if (kfs_stream_info(stream->stream, &info, &err) != 0 || kfs_shard_list(stream->stream, shards, n, &err) != 0)
        return err.code == ENOENT ? api_not_found(call, stream->name) : api_fail_backend(call, &err);
    for (size_t i = 0; i < *n; i++)
        if (!(*shards)[i].closed || (*shards)[i].closed_ms >= horizon_ms(call, &info))
            (*shards)[kept++] = (*shards)[i];
    *n = kept;
    return 0;
}

static int no_shard(struct api_call *call, const char *id, const char *stream)
{
    return api_fail(call, "ResourceNotFoundException", "Could not find shard %s in stream %s under account %s.", id,
                    stream, call->account);
}

int api_shard_id(struct api_call *call, const char *member, const char *stream, uint32_t *shard)
{
    const char *id = api_string(call, call->in, member);

    if (id == NULL)
        return api_no_memory(call);
    return api_shard_id_parse(id, shard) == 0 ? 0 : no_shard(call, id, stream);
}

int api_shard(struct api_call *call, struct api_stream *stream, const char *id, struct kfs_shard_info *shard)
{
    struct kfs_stream_info info;
    uint32_t index;

    if (api_shard_id_parse(id, &index) != 0)
        return no_shard(call, id, stream->name);
    if (kfs_stream_info(stream->stream, &info, NULL) != 0 || kfs_shard_info(stream->stream, index, shard, NULL) != 0 ||
        (shard->closed && shard->closed_ms < horizon_ms(call, &info))) {
        char text[API_SHARD_ID_MAX];
        api_shard_id_print(index, text);
        return api_fail(call, "ResourceNotFoundException", "Shard %s in stream %s under account %s does not exist",
                        text, stream->name, call->account);
    }
    return 0;
}

/* ---- printing ---- */

void api_out_seq(struct kfs_out *out, const char *key, const struct kfs_seq *seq)
{
    char text[KFS_SEQ_DIGITS_MAX + 1];

    kfs_out_text(out, key, (struct kfs_bytes){text, kfs_seq_print(seq, text)});
}

static void out_range(struct kfs_out *out, const struct kfs_hash_range *range)
{
    char text[KFS_HASH_DIGITS_MAX + 1];

    kfs_out_map(out, "HashKeyRange");
    (void)kfs_hash_print(range->start, text);
    kfs_out_string(out, "StartingHashKey", text);
    (void)kfs_hash_print(range->end, text);
    kfs_out_string(out, "EndingHashKey", text);
    kfs_out_map_end(out);
}

static void out_shard_id(struct kfs_out *out, const char *key, uint32_t shard)
{
    char text[API_SHARD_ID_MAX];

    api_shard_id_print(shard, text);
    kfs_out_string(out, key, text);
}

void api_out_shard(struct api_call *call, const struct kfs_shard_info *shard)
{
    struct kfs_out *out = &call->out;

    kfs_out_map(out, NULL);
    out_shard_id(out, "ShardId", shard->index);
    if (shard->parent != KFS_NO_SHARD)
        out_shard_id(out, "ParentShardId", shard->parent);
    if (shard->adjacent_parent != KFS_NO_SHARD)
        out_shard_id(out, "AdjacentParentShardId", shard->adjacent_parent);
    out_range(out, &shard->range);
    kfs_out_map(out, "SequenceNumberRange");
    api_out_seq(out, "StartingSequenceNumber", &shard->starting);
    if (shard->closed)
        api_out_seq(out, "EndingSequenceNumber", &shard->ending);
    kfs_out_map_end(out);
    kfs_out_map_end(out);
}

int api_out_children(struct kfs_out *out, struct api_stream *stream, uint32_t shard)
{
    struct kfs_shard_info *shards;
    uint32_t children[KFS_SHARD_CHILDREN_MAX];
    size_t n;

    if (kfs_shard_list(stream->stream, &shards, &n, NULL) != 0)
        return -ENOENT;
    size_t n_children = kfs_topology_children(shards, n, shard, children);
    kfs_out_list(out, "ChildShards");
    for (size_t i = 0; i < n_children; i++) {
        const struct kfs_shard_info *child = kfs_topology_find(shards, n, children[i]);
        kfs_out_map(out, NULL);
        out_shard_id(out, "ShardId", child->index);
        kfs_out_list(out, "ParentShards");
        out_shard_id(out, NULL, child->parent);
        if (child->adjacent_parent != KFS_NO_SHARD)
            out_shard_id(out, NULL, child->adjacent_parent);
        kfs_out_list_end(out);
        out_range(out, &child->range);
        kfs_out_map_end(out);
    }
    kfs_out_list_end(out);
    free(shards);
    return 0;
}

/* ---- ListShards ---- */

static bool is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

/* At the time when one shard closes its children are open, so that those open at a time are
 * a whole range of hash keys, each key once. */
static bool is_open_at(const struct kfs_shard_info *shard, uint64_t time_ms)
{
    return shard->created_ms <= time_ms && (!shard->closed || shard->closed_ms > time_ms);
}

/* Whether a filter lets a shard through. Times before the horizon mean the horizon. */
static bool passes(const struct kfs_page *page, const struct kfs_shard_info *shard, uint64_t horizon)
{
    const uint64_t time = page->filter_time_ms > horizon ? page->filter_time_ms : horizon;

    switch ((enum api_filter_type)page->filter) {
    case API_FILTER_NONE: /* FROM_TRIM_HORIZON: all that are told of at all */
        return true;
    case API_FILTER_AFTER_SHARD_ID:
        return shard->index > page->filter_shard;
    case API_FILTER_AT_TRIM_HORIZON:
        return is_open_at(shard, horizon);
    case API_FILTER_AT_LATEST:
        return !shard->closed;
    case API_FILTER_AT_TIMESTAMP:
        return is_open_at(shard, time);
    case API_FILTER_FROM_TIMESTAMP:
        return !shard->closed || shard->closed_ms >= time;
    }
    return false;
}

static int read_filter(struct api_call *call, struct kfs_page *page)
{
    static const char *const names[] = {
        [API_FILTER_NONE] = "FROM_TRIM_HORIZON",    [API_FILTER_AFTER_SHARD_ID] = "AFTER_SHARD_ID",
        [API_FILTER_AT_LATEST] = "AT_LATEST",       [API_FILTER_AT_TRIM_HORIZON] = "AT_TRIM_HORIZON",
        [API_FILTER_AT_TIMESTAMP] = "AT_TIMESTAMP", [API_FILTER_FROM_TIMESTAMP] = "FROM_TIMESTAMP"};
    const struct kfs_value *given = kfs_value_get(call->in, "ShardFilter");
    const char *type = given == NULL ? NULL : api_string(call, given, "Type");
    const char *id = given == NULL ? NULL : api_string(call, given, "ShardId");

    if (type == NULL)
        return 0;
    for (unsigned int i = 0; i < sizeof names / sizeof names[0]; i++)
        if (is(type, names[i]))
            page->filter = (uint8_t)i;
    bool needs_time = page->filter == API_FILTER_AT_TIMESTAMP || page->filter == API_FILTER_FROM_TIMESTAMP;
    bool needs_shard = page->filter == API_FILTER_AFTER_SHARD_ID;
    if (needs_time != api_time_ms(given, "Timestamp", &page->filter_time_ms))
        return api_invalid(call,
                           needs_time ? "ShardFilter of type %s needs a Timestamp."
                                      : "ShardFilter of type %s takes no Timestamp.",
                           type);
    if (needs_shard != (id != NULL))
        return api_invalid(
            call, needs_shard ? "ShardFilter of type %s needs a ShardId." : "ShardFilter of type %s takes no ShardId.",
            type);
    if (id != NULL && api_shard_id_parse(id, &page->filter_shard) != 0)
        return api_invalid(call, "ShardFilter has a ShardId that is none: %s", id);
    return 0;
}

/* The service takes no StreamName beside a token. boto3's paginator sends what it was given each time, so
 * here the token wins where both name one stream. */
static int read_token(struct api_call *call, const char *token, struct kfs_page *page)
{
    const bool named = api_has(call, "StreamName") || api_has(call, "StreamARN");
    const bool more = api_has(call, "ExclusiveStartShardId") || api_has(call, "StreamCreationTimestamp") ||
                      api_has(call, "ShardFilter");
    const char *name;

    if (!named && more)
        return api_invalid(call, "NextToken cannot be provided together with ExclusiveStartShardId, "
                                 "StreamCreationTimestamp or ShardFilter.");
    const int rc = api_page_token(call, token, page);
    if (!named || (rc == 0 && api_name(call, &name) == 0 && strcmp(name, page->stream) == 0))
        return rc;
    api_forget_failure(call);
    return api_invalid(call, "NextToken and StreamName cannot be provided together.");
}

/* What is listed, from the request or the page token. */
static int read_listing(struct api_call *call, struct kfs_page *page, bool *from_start)
{
    const char *token = api_string(call, call->in, "NextToken");
    const char *after = api_string(call, call->in, "ExclusiveStartShardId");
    const char *name;
    const bool named = api_has(call, "StreamName") || api_has(call, "StreamARN");

    if (token != NULL) {
        *from_start = false;
        return read_token(call, token, page);
    }
    if (!named && !api_has(call, "StreamId"))
        return api_invalid(call, "Either NextToken or StreamName should be provided.");
    if (api_name(call, &name) != 0 || read_filter(call, page) != 0)
        return -1;
    if (strlen(name) >= sizeof page->stream)
        return api_not_found(call, name);
    (void)snprintf(page->stream, sizeof page->stream, "%s", name);
    *from_start = after == NULL;
    if (after != NULL && api_shard_id_parse(after, &page->after_shard) != 0)
        return no_shard(call, after, page->stream);
    return 0;
}

/* The horizon, or where the oldest shard there is begins. */
static uint64_t first_ms(const struct kfs_shard_info *shards, size_t n, uint64_t horizon)
{
    uint64_t first = UINT64_MAX;

    for (size_t i = 0; i < n; i++)
        first = shards[i].created_ms < first ? shards[i].created_ms : first;
    return first > horizon && n > 0 ? first : horizon;
}

/* Prints those after the page's place that pass; *last is where the page ends, *more whether others follow. */
static int out_shards(struct api_call *call, struct api_stream *stream, struct kfs_page *page, bool from_start,
                      bool *more)
{
    struct kfs_shard_info *shards;
    struct kfs_stream_info info;
    size_t limit = (size_t)api_integer(call->in, "MaxResults", LIST_MAX);
    size_t given = 0;
    size_t n;

    limit = limit < LIST_MAX ? limit : LIST_MAX;
    if (api_shards(call, stream, &shards, &n) != 0)
        return -1;
    if (kfs_stream_info(stream->stream, &info, NULL) != 0) {
        free(shards);
        return api_not_found(call, stream->name);
    }
    const uint64_t horizon = first_ms(shards, n, horizon_ms(call, &info));
    const uint32_t after = page->after_shard;
    for (size_t i = 0; i < n && !*more; i++) {
        if ((!from_start && shards[i].index <= after) || !passes(page, &shards[i], horizon))
            continue;
        *more = given++ == limit;
        if (*more)
            break;
        api_out_shard(call, &shards[i]);
        page->after_shard = shards[i].index;
    }
    free(shards);
    return 0;
}

int api_list_shards(struct api_call *call)
{
    struct kfs_page page = {.list = KFS_PAGE_SHARDS};
    bool from_start = true;
    struct api_stream *stream;
    uint64_t created_ms;
    bool more = false;
    int rc = 0;

    if (read_listing(call, &page, &from_start) != 0 ||
        api_find_named(call, page.stream, API_EVEN_DELETING, &stream) != 0)
        return -1;
    enum kfs_stream_status status = api_status(call->api, stream);
    if (api_has(call, "NextToken") && page.generation != stream->made.generation)
        rc = api_fail(call, "ExpiredNextTokenException", "The stream of the NextToken is not there any more.");
    else if (api_time_ms(call->in, "StreamCreationTimestamp", &created_ms) &&
             created_ms / 1000 != stream->made.created_ms / 1000)
        rc = api_not_found(call, stream->name);
    else if (status != KFS_ACTIVE && status != KFS_UPDATING)
        rc = api_fail(call, "ResourceInUseException", "Stream %s under account %s not ACTIVE, instead in state %s",
                      stream->name, call->account, api_status_name(status));
    if (rc == 0) {
        kfs_out_map(&call->out, NULL);
        kfs_out_list(&call->out, "Shards");
        rc = out_shards(call, stream, &page, from_start, &more);
        kfs_out_list_end(&call->out);
        page.generation = stream->made.generation;
        if (rc == 0 && more)
            api_out_page_token(call, &page);
        kfs_out_map_end(&call->out);
    }
    api_put_back(call, stream);
    return rc;
}
