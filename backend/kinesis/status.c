/* What status.json says of the endpoint, and of each shard that has something to tell. */
#include <inttypes.h>
#include <string.h>

#include "backend/base/json_text.h"
#include "backend/kinesis/internal.h"

static int print_text(struct kfs_buf *out, const char *name, const char *text)
{
    struct kfs_bytes bytes = {text, strlen(text)};
    struct kfs_json_shape shape = kfs_json_measure(bytes);
    int rc = kfs_buf_printf(out, ",\"%s\":\"", name);

    if (rc == 0)
        rc = kfs_buf_reserve(out, shape.size + 1);
    if (rc != 0)
        return rc;
    (void)kfs_json_put(out->data + out->len, bytes, &shape);
    out->len += shape.size;
    return kfs_buf_append(out, "\"", 1);
}

/* How long the oldest record of a spool has waited; 0 where none does. */
static uint64_t oldest_age(struct remote_shard *shard)
{
    uint64_t now = remote_wall(shard->stream->remote);
    uint64_t oldest_ms = shard->spool != NULL ? remote_spool_oldest_ms(shard->spool) : 0;

    return oldest_ms == 0 || oldest_ms > now ? 0 : now - oldest_ms;
}

/* Under the shard's lock. */
static int print_shard(struct remote_shard *shard, struct kfs_buf *out, bool first)
{
    struct remote_spool_state spool = shard->rested;
    uint64_t age_ms = oldest_age(shard);

    if (shard->spool != NULL)
        remote_spool_state(shard->spool, &spool);
    int rc = kfs_buf_printf(
        out,
        "%s{\"stream\":\"%s\",\"shard\":\"%s\",\"spool_bytes\":%" PRIu64 ",\"oldest_age_ms\":%" PRIu64
        ",\"acknowledged\":%" PRIu64 ",\"dead_letters\":%" PRIu64 ",\"put_requests\":%" PRIu64 ",\"retried\":%" PRIu64
        ",\"throttled\":%" PRIu64 ",\"failed_calls\":%" PRIu64 ",\"readers\":%" PRIu32 ",\"get_requests\":%" PRIu64
        ",\"read_by\":\"%s\",\"subscriptions\":%" PRIu64 ",\"events\":%" PRIu64 ",\"behind_ms\":%" PRIu64,
        first ? "" : ",", shard->stream->name, shard->id, spool.end - spool.settled, age_ms, spool.acked_total,
        spool.dead, shard->sent.requests, shard->sent.retried,
        shard->sent.throttled + shard->polled.throttled + shard->fanned.throttled,
        shard->sent.failures + shard->polled.failures + shard->fanned.failures, shard->readers, shard->polled.requests,
        shard->subscribed ? "fanout" : "polling", shard->fanned.subscriptions, shard->fanned.events,
        shard->subscribed ? shard->fanned.behind_ms : shard->polled.behind_ms);
    if (rc == 0 && shard->last_error.code != 0) {
        rc = kfs_buf_printf(out, ",\"failing\":%s,\"last_error_ms\":%" PRIu64,
                            shard->failing || shard->stuck != 0 ? "true" : "false", shard->last_error_ms);
        if (rc == 0)
            rc = print_text(out, "last_error", shard->last_error.text);
        if (rc == 0)
            rc = print_text(out, "last_error_code", shard->last_error.aws_code);
        if (rc == 0)
            rc = print_text(out, "last_error_request", shard->last_error.request_id);
    }
    return rc == 0 ? kfs_buf_append(out, "}", 1) : rc;
}

static int print_shards(struct remote_stream *stream, struct kfs_buf *out, bool *first)
{
    int rc = 0;

    (void)pthread_rwlock_rdlock(&stream->lock);
    for (size_t i = 0; rc == 0 && i < stream->n_shards; i++) {
        struct remote_shard *shard = stream->shards[i];
        (void)pthread_mutex_lock(&shard->lock);
        if (shard->spool != NULL || shard->mirror != NULL || shard->polled.requests > 0 || shard->sent.requests > 0) {
            rc = print_shard(shard, out, *first);
            *first = false;
        }
        (void)pthread_mutex_unlock(&shard->lock);
    }
    (void)pthread_rwlock_unlock(&stream->lock);
    return rc;
}

int remote_status(struct kfs_backend *b, struct kfs_buf *json)
{
    struct remote *r = (struct remote *)b;
    struct kfs_client_stats stats;
    bool first = true;
    size_t n;

    kfs_client_stats(r->client, &stats);
    (void)pthread_mutex_lock(&r->room_lock);
    uint64_t pending = r->pending > 0 ? (uint64_t)r->pending : 0;
    (void)pthread_mutex_unlock(&r->room_lock);
    int rc = kfs_buf_printf(json, "\"backend\":\"kinesis\"");
    if (rc == 0)
        rc = print_text(json, "endpoint", r->options.endpoint);
    if (rc == 0)
        rc = kfs_buf_printf(json,
                            ",\"reachable\":%s,\"spool_bytes\":%" PRIu64 ",\"spool_max\":%" PRIu64 ",\"calls\":%" PRIu64
                            ",\"failed_calls\":%" PRIu64 ",\"throttled_calls\":%" PRIu64 ",\"remote_shards\":[",
                            atomic_load(&r->down) ? "false" : "true", pending, r->options.spool_max, stats.calls,
                            stats.failed, stats.throttled);
    struct remote_stream **streams = remote_all(r, &n);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = print_shards(streams[i], json, &first);
    remote_all_release(streams, n);
    return rc == 0 ? kfs_buf_append(json, "]", 1) : rc;
}
