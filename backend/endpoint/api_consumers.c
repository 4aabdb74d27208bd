/* Registered consumers of a stream, and what a ResourceARN names. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/endpoint/api_internal.h"

#define LIST_MAX 100

/* ---- finding ---- */

static int no_consumer(struct api_call *call, const char *stream, const char *name)
{
    return api_fail(call, "ResourceNotFoundException", "Consumer %s under stream %s under account %s not found.", name,
                    stream, call->account);
}

/* Whether its stream has a consumer. */
static bool has_consumer(struct api_call *call, const struct api_resource *r, bool even_leaving)
{
    (void)pthread_mutex_lock(&r->stream->lock);
    const struct api_consumer *told = api_consumer_told(call->api, r->stream, r->consumer, r->consumer_created_s);
    bool found = told != NULL && (even_leaving || told->gone_at_ms == 0);
    (void)pthread_mutex_unlock(&r->stream->lock);
    return found;
}

/* The stream of a consumer's ARN, with the consumer's name copied out. */
static int find_by_arn(struct api_call *call, const char *text, struct api_resource *resource, bool even_leaving)
{
    struct api_arn arn;

    if (api_arn_parse(text, &arn) != 0 || arn.consumer[0] == '\0')
        return api_invalid(call, "ConsumerARN %s is not the ARN of a consumer.", text);
    resource->consumer = api_copy(call, arn.consumer);
    if (resource->consumer == NULL)
        return api_no_memory(call);
    if (api_find_named(call, arn.stream, API_READABLE, &resource->stream) != 0)
        return -1;
    resource->consumer_created_s = arn.consumer_created_s;
    if (has_consumer(call, resource, even_leaving))
        return 0;
    int rc = no_consumer(call, arn.stream, arn.consumer);
    api_put_back(call, resource->stream);
    return rc;
}

/* ConsumerARN counts; what else is said must agree with it. */
static int find_by_consumer_arn(struct api_call *call, const char *arn, const char *name, const struct api_arn *named,
                                struct api_resource *resource, bool even_leaving)
{
    if (find_by_arn(call, arn, resource, even_leaving) != 0)
        return -1;
    if ((name == NULL || strcmp(name, resource->consumer) == 0) &&
        (named->stream[0] == '\0' || strcmp(named->stream, resource->stream->name) == 0))
        return 0;
    int rc = api_invalid(call, "ConsumerARN %s does not match StreamARN and ConsumerName.", arn);
    api_put_back(call, resource->stream);
    return rc;
}

int api_find_consumer(struct api_call *call, struct api_resource *resource, bool even_leaving)
{
    const char *arn = api_string(call, call->in, "ConsumerARN");
    const char *name = api_string(call, call->in, "ConsumerName");
    const char *stream_arn = api_string(call, call->in, "StreamARN");
    struct api_arn named = {0};

    if (api_has(call, "StreamId"))
        return api_invalid(call, "StreamId is not supported.");
    if (arn == NULL && (name == NULL || stream_arn == NULL))
        return api_invalid(call, "Either ConsumerARN, or StreamARN and ConsumerName must be specified.");
    if (stream_arn != NULL && (api_arn_parse(stream_arn, &named) != 0 || named.consumer[0] != '\0'))
        return api_invalid(call, "StreamARN %s is not the ARN of a stream.", stream_arn);
    if (arn != NULL)
        return find_by_consumer_arn(call, arn, name, &named, resource, even_leaving);
    resource->consumer = name;
    resource->consumer_created_s = 0;
    if (api_find_named(call, named.stream, API_READABLE, &resource->stream) != 0)
        return -1;
    if (has_consumer(call, resource, even_leaving))
        return 0;
    int rc = no_consumer(call, named.stream, name);
    api_put_back(call, resource->stream);
    return rc;
}

int api_find_resource(struct api_call *call, struct api_resource *resource)
{
    const char *text = api_string(call, call->in, "ResourceARN");
    struct api_arn arn;

    if (text == NULL)
        return api_no_memory(call);
    if (api_has(call, "StreamId"))
        return api_invalid(call, "StreamId is not supported.");
    if (api_arn_parse(text, &arn) != 0)
        return api_invalid(call, "ResourceARN %s is not the ARN of a stream or a consumer.", text);
    if (arn.consumer[0] != '\0')
        return find_by_arn(call, text, resource, false);
    resource->consumer = NULL;
    resource->consumer_created_s = 0;
    return api_find_named(call, arn.stream, API_EVEN_DELETING, &resource->stream);
}

/* ---- printing ---- */

static const char *status_of(struct api_call *call, const struct api_consumer *consumer)
{
    if (consumer->gone_at_ms != 0)
        return "DELETING";
    return api_mono_ms(call->api) < consumer->active_at_ms ? "CREATING" : "ACTIVE";
}

static void out_consumer(struct api_call *call, const char *key, const char *stream,
                         const struct api_consumer *consumer)
{
    struct kfs_out *out = &call->out;

    kfs_out_map(out, key);
    kfs_out_string(out, "ConsumerName", consumer->name);
    api_out_consumer_arn(call, "ConsumerARN", stream, consumer);
    kfs_out_string(out, "ConsumerStatus", status_of(call, consumer));
    kfs_out_time_ms(out, "ConsumerCreationTimestamp", consumer->created_ms / 1000 * 1000);
}

/* ---- registering ---- */

/* A stream named by StreamARN alone. */
static int find_stream(struct api_call *call, struct api_stream **stream)
{
    struct api_stream *found;

    if (api_find(call, API_EVEN_DELETING, &found) != 0)
        return -1;
    enum kfs_stream_status status = api_status(call->api, found);
    if (status == KFS_ACTIVE || status == KFS_UPDATING) {
        *stream = found;
        return 0;
    }
    int rc = status == KFS_DELETING ? api_not_found(call, found->name)
                                    : api_fail(call, "ResourceInUseException",
                                               "Stream %s under account %s not ACTIVE, instead in state %s",
                                               found->name, call->account, api_status_name(status));
    api_put_back(call, found);
    return rc;
}

static int check_room(struct api_call *call, struct api_stream *stream, const char *name)
{
    const size_t max = api_has_commitment(call) ? API_CONSUMERS_MAX_ADVANTAGE : API_CONSUMERS_MAX;
    bool found;

    (void)pthread_mutex_lock(&stream->lock);
    (void)api_consumer_find(stream, name, &found);
    size_t n = stream->n_consumers;
    (void)pthread_mutex_unlock(&stream->lock);
    if (found)
        return api_fail(call, "ResourceInUseException", "Consumer %s under stream %s already exists for account %s.",
                        name, stream->name, call->account);
    if (n >= max)
        return api_fail(call, "LimitExceededException",
                        "Stream %s under account %s has %zu registered consumers, the most there can be.", stream->name,
                        call->account, n);
    return 0;
}

/* No two consumers of a stream are made in one second: an ARN names one for ever. */
static uint64_t creation_ms(struct api_call *call, struct api_stream *stream)
{
    uint64_t ms = call->now_ms;

    (void)pthread_mutex_lock(&stream->lock);
    if (ms / 1000 <= stream->last_created_ms / 1000)
        ms = (stream->last_created_ms / 1000 + 1) * 1000;
    stream->last_created_ms = ms;
    (void)pthread_mutex_unlock(&stream->lock);
    return ms;
}

/* Under stream.changes. */
static int register_locked(struct api_call *call, struct api_stream *stream, const char *name)
{
    const struct kfs_value *tags = kfs_value_get(call->in, "Tags");
    const uint64_t delay = call->api->config.status_delay_ms;

    if (check_room(call, stream, name) != 0)
        return -1;
    struct api_consumer *consumer = calloc(1, sizeof *consumer);
    if (consumer == NULL)
        return api_no_memory(call);
    (void)snprintf(consumer->name, sizeof consumer->name, "%s", name);
    consumer->created_ms = creation_ms(call, stream);
    consumer->active_at_ms = delay == 0 ? 0 : api_mono_ms(call->api) + delay;
    if (tags != NULL && api_tags_add(call, tags, stream->name, &consumer->tags) != 0) {
        api_consumer_free(consumer);
        return -1;
    }
    kfs_out_map(&call->out, NULL);
    out_consumer(call, "Consumer", stream->name, consumer);
    kfs_out_map_end(&call->out);
    kfs_out_map_end(&call->out);
    int rc = api_consumer_put(call, stream, consumer);
    if (rc != 0)
        api_consumer_free(consumer);
    return rc;
}

int api_register_consumer(struct api_call *call)
{
    const char *name = api_string(call, call->in, "ConsumerName");
    struct api_stream *stream;

    if (name == NULL)
        return api_no_memory(call);
    if (find_stream(call, &stream) != 0)
        return -1;
    (void)pthread_mutex_lock(&stream->changes);
    int rc = register_locked(call, stream, name);
    (void)pthread_mutex_unlock(&stream->changes);
    api_put_back(call, stream);
    return rc;
}

int api_deregister_consumer(struct api_call *call)
{
    struct api_resource r;

    if (api_find_consumer(call, &r, false) != 0)
        return -1;
    (void)pthread_mutex_lock(&r.stream->changes);
    int rc = api_consumer_remove(call, r.stream, r.consumer);
    (void)pthread_mutex_unlock(&r.stream->changes);
    api_put_back(call, r.stream);
    return rc;
}

/* ---- describing ---- */

int api_describe_consumer(struct api_call *call)
{
    struct api_resource r;
    int rc = 0;

    if (api_find_consumer(call, &r, true) != 0)
        return -1;
    (void)pthread_mutex_lock(&r.stream->lock);
    const struct api_consumer *consumer = api_consumer_told(call->api, r.stream, r.consumer, r.consumer_created_s);
    if (consumer != NULL) {
        kfs_out_map(&call->out, NULL);
        out_consumer(call, "ConsumerDescription", r.stream->name, consumer);
        api_out_stream_arn(call, "StreamARN", r.stream->name);
        kfs_out_map_end(&call->out);
        kfs_out_map_end(&call->out);
    } else {
        rc = no_consumer(call, r.stream->name, r.consumer);
    }
    (void)pthread_mutex_unlock(&r.stream->lock);
    api_put_back(call, r.stream);
    return rc;
}

/* Prints those after a name, "" being before all; returns the last one's name where others follow, else NULL. */
static const char *out_consumers(struct api_call *call, struct api_stream *stream, const char *after)
{
    size_t limit = (size_t)api_integer(call->in, "MaxResults", LIST_MAX);
    const char *last = NULL;
    size_t given = 0;
    bool more = false;

    limit = limit < LIST_MAX ? limit : LIST_MAX;
    kfs_out_list(&call->out, "Consumers");
    (void)pthread_mutex_lock(&stream->lock);
    for (size_t i = 0; i < stream->n_consumers && !more; i++) {
        if (strcmp(stream->consumers[i]->name, after) <= 0)
            continue;
        more = given++ == limit;
        if (more)
            break;
        out_consumer(call, NULL, stream->name, stream->consumers[i]);
        kfs_out_map_end(&call->out);
        last = stream->consumers[i]->name;
    }
    last = more && last != NULL ? api_copy(call, last) : NULL;
    (void)pthread_mutex_unlock(&stream->lock);
    kfs_out_list_end(&call->out);
    return last;
}

int api_list_consumers(struct api_call *call)
{
    const char *token = api_string(call, call->in, "NextToken");
    struct kfs_page page = {.list = KFS_PAGE_CONSUMERS};
    struct api_stream *stream;
    uint64_t created_ms;
    int rc = 0;

    if (find_stream(call, &stream) != 0)
        return -1;
    if (token != NULL)
        rc = api_page_token(call, token, &page);
    if (rc == 0 && token != NULL && page.generation != stream->made.generation)
        rc = api_fail(call, "ExpiredNextTokenException", "The NextToken is not of this stream.");
    if (rc == 0 && api_time_ms(call->in, "StreamCreationTimestamp", &created_ms) &&
        created_ms / 1000 != stream->made.created_ms / 1000)
        rc = api_not_found(call, stream->name);
    if (rc == 0) {
        kfs_out_map(&call->out, NULL);
        const char *last = out_consumers(call, stream, page.after);
        page.generation = stream->made.generation;
        if (last != NULL) {
            (void)snprintf(page.after, sizeof page.after, "%s", last);
            api_out_page_token(call, &page);
        }
        kfs_out_map_end(&call->out);
    }
    api_put_back(call, stream);
    return rc;
}
