#include "backend/endpoint/subscription.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/eventstream.h"
#include "backend/endpoint/api_internal.h"

#define EVENT_RECORDS_MAX 10000
#define EVENT_BYTES_MAX (1U << 20)

struct kfs_api_subscription {
    struct kfs_watch watch; /* first: wake casts back */
    struct kfs_api *api;
    struct api_stream *stream; /* a reference */
    char consumer[KFS_STREAM_NAME_MAX + 1];
    uint64_t consumer_created_ms;
    uint32_t shard;
    struct kfs_seq starting; /* the shard's */
    uint64_t offset;
    uint64_t began_ms; /* mono */
    uint64_t last_ms;  /* of the last event, mono; 0: none yet */
    struct api_meter meter;
    bool greeted;
    bool watched;
    atomic_bool taken_over;
    void (*wake)(void *arg); /* set before watched */
    void *wake_arg;
    struct kfs_api_subscription *next; /* the registry's lock */
};

/* ---- the registry ---- */

size_t api_subscriptions_open(struct kfs_api *api)
{
    (void)pthread_mutex_lock(&api->subscriptions.lock);
    size_t n = api->subscriptions.n;
    (void)pthread_mutex_unlock(&api->subscriptions.lock);
    return n;
}

static bool is_same(const struct kfs_api_subscription *a, const struct kfs_api_subscription *b)
{
    return a->shard == b->shard && a->stream->made.generation == b->stream->made.generation &&
           a->consumer_created_ms == b->consumer_created_ms && strcmp(a->consumer, b->consumer) == 0;
}

/* Adds it, taking over from an older one. False where that one is too young. */
static bool enlist(struct kfs_api_subscription *s)
{
    struct api_subscriptions *list = &s->api->subscriptions;
    bool may = true;

    (void)pthread_mutex_lock(&list->lock);
    for (struct kfs_api_subscription *o = list->head; may && o != NULL; o = o->next)
        if (is_same(o, s) && !atomic_load(&o->taken_over))
            may = s->began_ms - o->began_ms >= KFS_SUBSCRIPTION_TAKEOVER_MS;
    for (struct kfs_api_subscription *o = list->head; may && o != NULL; o = o->next) {
        if (!is_same(o, s))
            continue;
        atomic_store(&o->taken_over, true);
        if (o->wake != NULL)
            o->wake(o->wake_arg);
    }
    if (may) {
        s->next = list->head;
        list->head = s;
        list->n++;
    }
    (void)pthread_mutex_unlock(&list->lock);
    return may;
}

static void strike_off(struct kfs_api_subscription *s)
{
    struct api_subscriptions *list = &s->api->subscriptions;

    (void)pthread_mutex_lock(&list->lock);
    for (struct kfs_api_subscription **at = &list->head; *at != NULL; at = &(*at)->next) {
        if (*at != s)
            continue;
        *at = s->next;
        list->n--;
        break;
    }
    (void)pthread_mutex_unlock(&list->lock);
}

/* ---- being woken ---- */

static void on_event(struct kfs_watch *watch, uint32_t shard, enum kfs_event event)
{
    struct kfs_api_subscription *s = (struct kfs_api_subscription *)watch;

    if (event != KFS_EVENT_GREW || shard == s->shard)
        s->wake(s->wake_arg);
}

void kfs_subscription_watch(struct kfs_api_subscription *s, void (*wake)(void *arg), void *arg)
{
    (void)pthread_mutex_lock(&s->api->subscriptions.lock);
    s->wake_arg = arg;
    s->wake = wake;
    (void)pthread_mutex_unlock(&s->api->subscriptions.lock);
    s->watch.wake = on_event;
    kfs_watch(s->stream->stream, &s->watch);
    kfs_attend(s->stream->stream, s->shard);
    s->watched = true;
}

void kfs_subscription_free(struct kfs_api_subscription *s)
{
    if (s == NULL)
        return;
    if (s->watched) {
        kfs_unattend(s->stream->stream, s->shard);
        kfs_unwatch(s->stream->stream, &s->watch);
    }
    strike_off(s);
    api_table_unref(s->api, s->stream);
    free(s);
}

/* ---- messages ---- */

static int greet(struct kfs_buf *buf)
{
    struct kfs_eventstream e;

    kfs_eventstream_event(&e, buf, "initial-response");
    (void)kfs_buf_append(buf, "{}", 2);
    return kfs_eventstream_end(&e);
}

static void say_exception(struct kfs_buf *buf, const char *type, const char *message)
{
    struct kfs_eventstream e;
    struct kfs_out out;

    kfs_eventstream_exception(&e, buf, type);
    kfs_out_init(&out, KFS_CODEC_JSON, buf);
    kfs_out_map(&out, NULL);
    kfs_out_string(&out, "message", message);
    kfs_out_map_end(&out);
    (void)kfs_eventstream_end(&e);
}

/* An event with what was read. Without a record it still says from where to go on. */
static int say_records(struct kfs_api_subscription *s, struct kfs_buf *buf, const struct api_reading *r)
{
    const struct kfs_batch *batch = &r->batch;
    const struct kfs_seq *last = batch->n > 0                       ? &batch->records[batch->n - 1].seq
                                 : kfs_seq_is_none(&r->extent.last) ? &s->starting
                                                                    : &r->extent.last;
    struct kfs_eventstream e;
    struct kfs_out out;
    int rc = 0;

    kfs_eventstream_event(&e, buf, "SubscribeToShardEvent");
    kfs_out_init(&out, KFS_CODEC_JSON, buf);
    kfs_out_map(&out, NULL);
    if (r->ended)
        rc = api_out_children(&out, s->stream, s->shard);
    else
        api_out_seq(&out, "ContinuationSequenceNumber", last);
    kfs_out_int(&out, "MillisBehindLatest", (int64_t)r->millis_behind);
    api_out_records(&out, "Records", batch, atomic_load(&s->stream->kms));
    kfs_out_map_end(&out);
    int ended = kfs_eventstream_end(&e);
    return rc != 0 ? rc : out.error != 0 ? out.error : ended;
}

/* ---- what is due ---- */

/* Why it must end now; NULL: it need not. */
static const char *ending(struct kfs_api_subscription *s, const char **message)
{
    bool found;

    *message = "";
    if (atomic_load(&s->taken_over)) {
        *message = "Another subscription of this consumer to this shard has taken over.";
        return "ResourceInUseException";
    }
    (void)pthread_mutex_lock(&s->stream->lock);
    size_t at = api_consumer_find(s->stream, s->consumer, &found);
    found = found && s->stream->consumers[at]->created_ms == s->consumer_created_ms;
    (void)pthread_mutex_unlock(&s->stream->lock);
    if (found)
        return NULL;
    *message = "The consumer has been deregistered.";
    return "ResourceNotFoundException";
}

static enum kfs_subscription_state fail(struct kfs_buf *buf, int rc)
{
    if (rc == -ENOENT)
        say_exception(buf, "ResourceNotFoundException", "The stream or shard is not there any more.");
    else
        say_exception(buf, "InternalFailureException", "Internal Service Failure");
    return KFS_SUBSCRIPTION_ENDED;
}

static uint32_t until_next(const struct kfs_api_subscription *s, uint64_t now)
{
    uint64_t due = s->last_ms + KFS_SUBSCRIPTION_IDLE_MS;

    if (due > s->began_ms + KFS_SUBSCRIPTION_LIFE_MS)
        due = s->began_ms + KFS_SUBSCRIPTION_LIFE_MS;
    return due > now ? (uint32_t)(due - now) : 0;
}

static enum kfs_subscription_state read_on(struct kfs_api_subscription *s, struct kfs_buf *buf, uint64_t now,
                                           uint32_t *wait_ms)
{
    const struct kfs_limit limit = {.records = EVENT_RECORDS_MAX, .bytes = EVENT_BYTES_MAX};
    enum kfs_subscription_state state = KFS_SUBSCRIPTION_WAITS;
    struct api_reading reading;

    *wait_ms = api_pace(s->api, &s->meter);
    if (*wait_ms > 0)
        return state;
    api_reading_init(&reading);
    int rc = api_read(s->stream, s->shard, s->offset, &limit, &reading, NULL);
    bool idle = s->last_ms == 0 || now - s->last_ms >= KFS_SUBSCRIPTION_IDLE_MS;
    if (rc == 0 && (reading.batch.n > 0 || reading.ended || idle)) {
        rc = say_records(s, buf, &reading);
        s->last_ms = now;
        state = reading.ended ? KFS_SUBSCRIPTION_ENDED : reading.batch.n > 0 ? KFS_SUBSCRIPTION_MORE : state;
    }
    if (rc == 0)
        s->offset = reading.next;
    for (size_t i = 0; i < reading.batch.n; i++)
        s->meter.read_bytes -= (double)(reading.batch.records[i].data.len + reading.batch.records[i].key.len);
    api_reading_release(&reading);
    *wait_ms = until_next(s, now);
    return rc == 0 ? state : fail(buf, rc);
}

enum kfs_subscription_state kfs_subscription_next(struct kfs_api_subscription *s, struct kfs_buf *buf,
                                                  uint32_t *wait_ms)
{
    const uint64_t now = api_mono_ms(s->api);
    const char *message;

    *wait_ms = 0;
    if (!s->greeted && greet(buf) != 0)
        return KFS_SUBSCRIPTION_ENDED;
    s->greeted = true;
    if (now - s->began_ms >= KFS_SUBSCRIPTION_LIFE_MS)
        return KFS_SUBSCRIPTION_ENDED;
    const char *why = ending(s, &message);
    if (why != NULL) {
        say_exception(buf, why, message);
        return KFS_SUBSCRIPTION_ENDED;
    }
    return read_on(s, buf, now, wait_ms);
}

/* ---- beginning ---- */

/* Copies what it needs of the consumer, which must be ACTIVE. */
static int read_consumer(struct api_call *call, const struct api_resource *r, struct kfs_api_subscription *s)
{
    bool found;

    (void)pthread_mutex_lock(&r->stream->lock);
    size_t at = api_consumer_find(r->stream, r->consumer, &found);
    uint64_t created_ms = found ? r->stream->consumers[at]->created_ms : 0;
    bool active = found && api_mono_ms(call->api) >= r->stream->consumers[at]->active_at_ms;
    (void)pthread_mutex_unlock(&r->stream->lock);
    if (!active)
        return api_fail(call, "ResourceInUseException",
                        "Consumer %s with creation timestamp %llu under stream: %s , account %s is not in ACTIVE "
                        "status.",
                        r->consumer, (unsigned long long)(created_ms / 1000), r->stream->name, call->account);
    (void)snprintf(s->consumer, sizeof s->consumer, "%s", r->consumer);
    s->consumer_created_ms = created_ms;
    return 0;
}

static int begin(struct api_call *call, const struct api_resource *r, struct kfs_api_subscription *s)
{
    const struct kfs_value *from = kfs_value_get(call->in, "StartingPosition");
    const char *id = api_string(call, call->in, "ShardId");
    struct api_starting starting = {.type = api_string(call, from, "Type"),
                                    .sequence = api_string(call, from, "SequenceNumber")};
    struct kfs_shard_info shard;

    if (id == NULL || starting.type == NULL)
        return api_no_memory(call);
    starting.has_time = api_time_ms(from, "Timestamp", &starting.time_ms);
    if (read_consumer(call, r, s) != 0 || api_shard(call, r->stream, id, &shard) != 0 ||
        api_locate(call, r->stream, &shard, &starting, &s->offset) != 0 || api_dry_run(call) != 0)
        return -1;
    s->api = call->api;
    s->stream = r->stream;
    s->shard = shard.index;
    s->starting = shard.starting;
    s->began_ms = api_mono_ms(call->api);
    api_meter_fill(call->api, &s->meter);
    if (enlist(s))
        return 0;
    return api_fail(call, "ResourceInUseException", "Another active subscription exists for this consumer: %s:%s:%s:%s",
                    call->account, r->stream->name, id, r->consumer);
}

int api_subscribe(struct api_call *call)
{
    struct kfs_api_subscription *s = calloc(1, sizeof *s);
    struct api_resource r;

    if (s == NULL)
        return api_no_memory(call);
    if (api_find_consumer(call, &r, false) != 0) {
        free(s);
        return -1;
    }
    if (begin(call, &r, s) != 0) {
        free(s);
        api_put_back(call, r.stream);
        return -1;
    }
    call->reply->subscription = s;
    return 0;
}
