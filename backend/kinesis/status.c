/* What status.json says of the endpoint, and of each shard that has something to tell. */
#include <string.h>

#include "backend/base/out.h"
#include "backend/kinesis/internal.h"

static void print_count(struct kfs_out *out, const char *name, uint64_t count)
{
    kfs_out_int(out, name, (int64_t)count);
}

static void print_text(struct kfs_out *out, const char *name, const char *text)
{
    kfs_out_foreign(out, name, (struct kfs_bytes){text, strlen(text)});
}

/* How long the oldest record of a spool has waited; 0 where none does. */
static uint64_t oldest_age(struct remote_shard *shard)
{
    uint64_t now = remote_wall(shard->stream->remote);
    uint64_t oldest_ms = shard->spool != NULL ? remote_spool_oldest_ms(shard->spool) : 0;

    return oldest_ms == 0 || oldest_ms > now ? 0 : now - oldest_ms;
}

/* Under the shard's lock. */
static void print_shard(struct remote_shard *shard, struct kfs_out *out)
{
    struct remote_spool_state spool = shard->rested;

    if (shard->spool != NULL)
        remote_spool_state(shard->spool, &spool);
    kfs_out_map(out, NULL);
    kfs_out_string(out, "stream", shard->stream->name);
    kfs_out_string(out, "shard", shard->id);
    print_count(out, "spool_bytes", spool.end - spool.settled);
    print_count(out, "oldest_age_ms", oldest_age(shard));
    print_count(out, "acknowledged", spool.acked_total);
    print_count(out, "dead_letters", spool.dead);
    print_count(out, "put_requests", shard->sent.requests);
    print_count(out, "retried", shard->sent.retried);
    print_count(out, "throttled", shard->sent.throttled + shard->polled.throttled + shard->fanned.throttled);
    print_count(out, "failed_calls", shard->sent.failures + shard->polled.failures + shard->fanned.failures);
    print_count(out, "readers", shard->readers);
    print_count(out, "get_requests", shard->polled.requests);
    kfs_out_string(out, "read_by", shard->subscribed ? "fanout" : "polling");
    print_count(out, "subscriptions", shard->fanned.subscriptions);
    print_count(out, "events", shard->fanned.events);
    print_count(out, "behind_ms", shard->subscribed ? shard->fanned.behind_ms : shard->polled.behind_ms);
    if (shard->last_error.code != 0) {
        kfs_out_bool(out, "failing", shard->failing || shard->stuck != 0);
        print_count(out, "last_error_ms", shard->last_error_ms);
        print_text(out, "last_error", shard->last_error.text);
        print_text(out, "last_error_code", shard->last_error.aws_code);
        print_text(out, "last_error_request", shard->last_error.request_id);
    }
    kfs_out_map_end(out);
}

static void print_shards(struct remote_stream *stream, struct kfs_out *out)
{
    (void)pthread_rwlock_rdlock(&stream->lock);
    for (size_t i = 0; i < stream->n_shards; i++) {
        struct remote_shard *shard = stream->shards[i];
        (void)pthread_mutex_lock(&shard->lock);
        if (shard->spool != NULL || shard->mirror != NULL || shard->polled.requests > 0 || shard->sent.requests > 0)
            print_shard(shard, out);
        (void)pthread_mutex_unlock(&shard->lock);
    }
    (void)pthread_rwlock_unlock(&stream->lock);
}

int remote_status(struct kfs_backend *b, struct kfs_buf *json)
{
    struct remote *r = (struct remote *)b;
    struct kfs_client_stats stats;
    struct kfs_out out;
    size_t n;

    kfs_client_stats(r->client, &stats);
    (void)pthread_mutex_lock(&r->room_lock);
    uint64_t pending = r->pending > 0 ? (uint64_t)r->pending : 0;
    (void)pthread_mutex_unlock(&r->room_lock);
    kfs_out_init(&out, KFS_CODEC_JSON, json);
    kfs_out_string(&out, "backend", "kinesis");
    print_text(&out, "endpoint", r->options.endpoint);
    kfs_out_bool(&out, "reachable", !atomic_load(&r->down));
    print_count(&out, "spool_bytes", pending);
    print_count(&out, "spool_max", r->options.spool_max);
    print_count(&out, "calls", stats.calls);
    print_count(&out, "failed_calls", stats.failed);
    print_count(&out, "throttled_calls", stats.throttled);
    kfs_out_list(&out, "remote_shards");
    struct remote_stream **streams = remote_all(r, &n);
    for (size_t i = 0; i < n; i++)
        print_shards(streams[i], &out);
    remote_all_release(streams, n);
    kfs_out_list_end(&out);
    return out.error;
}
