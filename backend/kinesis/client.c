/* Everything of a call happens on the loop's thread, but for being posted to it: only the counters are locked.
 *
 * A call is queued (its task is posted), parked (waiting for credentials), or sending (its transfer is on the
 * loop); it is in the client's list from the first to its done. */
#include "backend/kinesis/client.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/eventstream.h"
#include "backend/base/patience.h"
#include "backend/kinesis/answer.h"
#include "backend/kinesis/locate.h"

#define SERVICE "kinesis"
#define TARGET_MAX 128
#define CONNECT_TIMEOUT_MS 5000
#define IDLE_TIMEOUT_MS 20000             /* without a byte; a subscription says something every 5 s */
#define CURL_PIECE_MAX ((size_t)64 << 10) /* more than libcurl hands over at a time */
#define SKEW_MS_LEAST 60000               /* endpoints forgive five minutes */

struct kfs_call_state {
    struct kfs_transfer transfer; /* first: the loop hands it back */
    struct kfs_client *client;
    struct kfs_call *call;
    struct kfs_call_state *next; /* of the client's list */
    struct kfs_call_state **prev;
    struct kfs_credentials keys;
    struct kfs_timer timeout; /* while parked */
    uint64_t begin_ms;        /* monotonic */
    bool parked;
    bool again; /* it has been sent before */
    char target[TARGET_MAX];
    struct kfs_eventstream_feed feed; /* of a stream */
    struct kfs_arena *arena;
};

struct kfs_client {
    struct kfs_client_config config;
    char *endpoint;
    char *region;
    char *ca_bundle;
    struct kfs_task changed;
    struct kfs_call_state *calls; /* the loop's thread */
    int64_t skew_ms;              /* the loop's thread; and stats under lock */
    bool closing;                 /* the loop's thread */
    pthread_mutex_t lock;
    pthread_cond_t change;
    struct kfs_client_stats stats; /* lock; running counts from the start to behind done */
};

static void count(struct kfs_client *client, uint64_t *counter)
{
    pthread_mutex_lock(&client->lock);
    ++*counter;
    pthread_mutex_unlock(&client->lock);
}

/* ---- the end of a call ---- */

static void free_state(struct kfs_call *call)
{
    struct kfs_call_state *s = call->state;

    if (s == NULL)
        return;
    kfs_transfer_release(&s->transfer);
    kfs_credentials_release(&s->keys);
    kfs_eventstream_feed_release(&s->feed);
    kfs_arena_free(s->arena);
    free(s);
    call->state = NULL;
}

/* Hands the call back. Its result is set; the call may be no more when this returns. */
static void hand_back(struct kfs_client *client, struct kfs_call *call)
{
    struct kfs_call_state *s = call->state;
    bool failed = call->rc != 0;
    bool throttled = call->throttled;

    if (s != NULL) {
        *s->prev = s->next;
        if (s->next != NULL)
            s->next->prev = s->prev;
        s->next = NULL;
        s->prev = NULL;
        kfs_credentials_release(&s->keys);
        kfs_loop_cancel(client->config.loop, &s->timeout);
    }
    call->client = NULL;
    call->done(call);
    pthread_mutex_lock(&client->lock);
    client->stats.calls++;
    client->stats.failed += failed ? 1 : 0;
    client->stats.throttled += throttled ? 1 : 0;
    client->stats.running--;
    pthread_cond_broadcast(&client->change);
    pthread_mutex_unlock(&client->lock);
}

static void fail_call(struct kfs_call *call, int number, const char *why)
{
    call->rc = kfs_fail(&call->error, number, "%s: %s", call->operation, why);
    call->error.retryable = number == ETIMEDOUT;
}

/* ---- streams ---- */

/* An event's payload to the caller, or the error of an exception. */
static int take_message(struct kfs_call_state *s, const struct kfs_eventstream_message *m)
{
    struct kfs_call *call = s->call;
    const struct kfs_refusal *refusal;
    struct kfs_arena *arena;
    struct kfs_value value;

    if (m->message_type.len == 5 && memcmp(m->message_type.data, "event", 5) == 0) {
        if (m->event_type.len == 16 && memcmp(m->event_type.data, "initial-response", 16) == 0)
            return 0;
        int rc = kfs_answer_decode(call->operation, m->payload, &arena, &value, &call->error);
        if (rc != 0)
            return rc;
        rc = call->event(call, &value);
        kfs_arena_free(arena);
        return rc;
    }
    refusal = kfs_answer_refusal(call->operation, 400, m->exception_type.len > 0 ? m->exception_type : m->error_code,
                                 m->payload, &call->error);
    call->throttled = refusal->throttled;
    return -refusal->number;
}

static int take_piece(struct kfs_transfer *t, struct kfs_bytes piece)
{
    struct kfs_call_state *s = (struct kfs_call_state *)t;
    struct kfs_eventstream_message m;
    int rc = kfs_eventstream_feed_add(&s->feed, piece);

    if (rc != 0)
        return rc;
    while ((rc = kfs_eventstream_feed_next(&s->feed, &m)) == 0) {
        int taken = take_message(s, &m);
        if (taken != 0)
            return taken;
    }
    if (rc == -EINVAL) {
        rc = kfs_fail(&s->call->error, EHOSTUNREACH, "%s: what came is no event stream", s->call->operation);
        s->call->error.retryable = true;
    }
    return rc == -EAGAIN ? 0 : rc;
}

/* ---- sending ---- */

static uint64_t age_ms(const struct kfs_call_state *s)
{
    return kfs_loop_now(s->client->config.loop) - s->begin_ms;
}

static uint32_t deadline_of(const struct kfs_call *call)
{
    return call->deadline_ms != 0 ? call->deadline_ms
           : call->event != NULL  ? KFS_STREAM_DEADLINE_MS
                                  : KFS_CALL_DEADLINE_MS;
}

static void on_transfer(struct kfs_transfer *t);

static void describe(struct kfs_call_state *s, uint32_t left_ms)
{
    struct kfs_client *client = s->client;
    const struct kfs_call *call = s->call;
    struct kfs_transfer *t = &s->transfer;
    uint64_t wall_ms = client->config.clock->wall_ms(client->config.clock->ctx);

    (void)snprintf(s->target, sizeof s->target, "Kinesis_20131202.%s", call->operation);
    *t = (struct kfs_transfer){
        .method = "POST",
        .url = client->endpoint,
        .headers = {{"Content-Type", "application/x-amz-json-1.1"}, {"X-Amz-Target", s->target}},
        .n_headers = 2,
        .body = {call->body.data, call->body.len},
        .tls = &client->config.tls,
        .signing = {client->region, SERVICE, &s->keys, (uint64_t)((int64_t)wall_ms + client->skew_ms), call->digest},
        .connect_timeout_ms = client->config.connect_timeout_ms,
        .idle_timeout_ms = call->idle_ms != 0 ? call->idle_ms : IDLE_TIMEOUT_MS,
        .deadline_ms = left_ms,
        .answer_max = call->response_max != 0 ? call->response_max : KFS_CALL_RESPONSE_MAX,
        .piece = call->event != NULL ? take_piece : NULL,
        .done = on_transfer,
    };
    kfs_eventstream_feed_init(&s->feed, t->answer_max, CURL_PIECE_MAX);
}

/* Sends it, or parks it until there are credentials, or ends it. */
static void send_call(struct kfs_call_state *s)
{
    struct kfs_client *client = s->client;
    struct kfs_call *call = s->call;
    const struct kfs_credential_source *source = &client->config.credentials;
    uint32_t deadline_ms = deadline_of(call);
    uint64_t age = age_ms(s);
    int rc;

    if (age >= deadline_ms) {
        fail_call(call, ETIMEDOUT, "no credentials yet");
        hand_back(client, call);
        return;
    }
    kfs_credentials_release(&s->keys);
    call->error = (struct kfs_error){0};
    rc = source->get(source->ctx, &s->keys, &call->error);
    s->parked = rc == -EAGAIN;
    if (s->parked) {
        rc = kfs_loop_at(client->config.loop, &s->timeout, deadline_ms - age);
    } else if (rc == 0) {
        describe(s, (uint32_t)(deadline_ms - age));
        rc = kfs_loop_transfer(client->config.loop, &s->transfer);
    }
    if (rc == 0)
        return;
    s->parked = false;
    if (call->error.code == 0)
        fail_call(call, -rc, "out of memory");
    call->error.retryable = true; /* memory, or credentials: both may be there later */
    call->rc = rc;
    hand_back(client, call);
}

static void on_timeout(struct kfs_timer *timer)
{
    struct kfs_call_state *s = (struct kfs_call_state *)((char *)timer - offsetof(struct kfs_call_state, timeout));

    s->parked = false;
    send_call(s);
}

/* Those that wait go on in the loop's next turn: what one's done does to others must not matter here. */
static void on_changed(struct kfs_task *task)
{
    struct kfs_client *client = (struct kfs_client *)((char *)task - offsetof(struct kfs_client, changed));

    for (struct kfs_call_state *s = client->calls; s != NULL; s = s->next)
        if (s->parked)
            (void)kfs_loop_at(client->config.loop, &s->timeout, 0); /* it is set, so it can be moved */
}

/* ---- answers ---- */

/* Whether the signature may be better a second time; then it has been arranged. */
static bool mend(struct kfs_call_state *s, const struct kfs_refusal *refusal)
{
    struct kfs_client *client = s->client;
    const struct kfs_credential_source *source = &client->config.credentials;
    uint64_t date_ms;
    int64_t skew_ms;

    if (s->again)
        return false;
    if (refusal->expired) {
        struct kfs_credentials now = {0};
        source->refused(source->ctx, s->keys.id);
        int rc = source->get(source->ctx, &now, NULL);
        bool other = rc == -EAGAIN || (rc == 0 && strcmp(now.id, s->keys.id) != 0);
        kfs_credentials_release(&now);
        return other;
    }
    date_ms = refusal->skew ? kfs_transfer_date_ms(&s->transfer) : 0;
    if (date_ms == 0)
        return false;
    skew_ms = (int64_t)date_ms - (int64_t)client->config.clock->wall_ms(client->config.clock->ctx);
    if (llabs(skew_ms - client->skew_ms) < SKEW_MS_LEAST)
        return false;
    pthread_mutex_lock(&client->lock);
    client->skew_ms = skew_ms;
    client->stats.skew_ms = skew_ms;
    pthread_mutex_unlock(&client->lock);
    return true;
}

/* An answer that is not 200. True: the call is sent again. */
static bool take_refusal(struct kfs_call_state *s)
{
    struct kfs_transfer *t = &s->transfer;
    struct kfs_call *call = s->call;
    const struct kfs_refusal *refusal =
        kfs_answer_refusal(call->operation, t->status, (struct kfs_bytes){t->error_type, strlen(t->error_type)},
                           (struct kfs_bytes){t->answer.data, t->answer.len}, &call->error);

    if (mend(s, refusal)) {
        s->again = true;
        count(s->client, &s->client->stats.resent);
        kfs_transfer_release(t);
        send_call(s);
        return true;
    }
    call->rc = -refusal->number;
    call->throttled = refusal->throttled;
    call->reached = t->status >= 500;
    return false;
}

static void take_failure(struct kfs_call_state *s)
{
    struct kfs_call *call = s->call;

    call->rc = s->transfer.rc;
    call->reached = s->transfer.sends > 0;
    if (call->error.code != 0) /* of an event in the stream */
        return;
    (void)kfs_fail(&call->error, -call->rc, "%s: %s", call->operation, s->transfer.error.text);
    call->error.retryable = s->transfer.error.retryable;
}

static void on_transfer(struct kfs_transfer *t)
{
    struct kfs_call_state *s = (struct kfs_call_state *)t;
    struct kfs_call *call = s->call;

    call->retry_after_ms = t->retry_after_ms;
    call->repeats += t->sends > 1 ? t->sends - 1 : 0;
    if (t->rc != 0) {
        take_failure(s);
    } else if (t->status != 200) {
        if (take_refusal(s))
            return;
    } else if (call->event == NULL) {
        call->rc = kfs_answer_decode(call->operation, (struct kfs_bytes){t->answer.data, t->answer.len}, &s->arena,
                                     &call->value, &call->error);
        call->reached = call->rc != 0;
    } else if (!kfs_eventstream_feed_is_whole(&s->feed)) {
        call->rc = kfs_fail(&call->error, EHOSTUNREACH, "%s: the event stream was cut", call->operation);
        call->error.retryable = true;
    }
    if (call->rc != 0)
        (void)snprintf(call->error.request_id, sizeof call->error.request_id, "%.*s", KFS_ERROR_CODE_MAX - 1,
                       t->request_id);
    hand_back(s->client, call);
}

/* ---- the caller's side ---- */

static void on_start(struct kfs_task *task)
{
    struct kfs_call *call = (struct kfs_call *)((char *)task - offsetof(struct kfs_call, start));
    struct kfs_client *client = call->client;
    struct kfs_call_state *s = client->closing ? NULL : calloc(1, sizeof *s);

    if (s == NULL) {
        fail_call(call, client->closing ? ECANCELED : ENOMEM, client->closing ? "canceled" : "out of memory");
        hand_back(client, call);
        return;
    }
    s->client = client;
    s->call = call;
    s->begin_ms = kfs_loop_now(client->config.loop);
    s->timeout.fire = on_timeout;
    s->next = client->calls;
    s->prev = &client->calls;
    if (s->next != NULL)
        s->next->prev = &s->next;
    client->calls = s;
    call->state = s;
    send_call(s);
}

void kfs_call_start(struct kfs_client *client, struct kfs_call *call)
{
    free_state(call);
    call->rc = 0;
    call->error = (struct kfs_error){0};
    call->throttled = call->reached = false;
    call->retry_after_ms = 0;
    call->repeats = 0;
    call->value = (struct kfs_value){0};
    call->client = client;
    call->start = (struct kfs_task){.run = on_start};
    pthread_mutex_lock(&client->lock);
    client->stats.running++;
    pthread_mutex_unlock(&client->lock);
    kfs_loop_post(client->config.loop, &call->start);
}

static void cancel(void *arg)
{
    struct kfs_call *call = arg;
    struct kfs_client *client = call->client;
    struct kfs_call_state *s = call->state;

    if (client == NULL) /* it has ended */
        return;
    kfs_loop_unpost(client->config.loop, &call->start);
    if (s != NULL && s->transfer.easy != NULL)
        kfs_loop_abandon(client->config.loop, &s->transfer);
    call->reached = s != NULL && !s->parked;
    fail_call(call, ECANCELED, "canceled");
    hand_back(client, call);
}

void kfs_call_cancel(struct kfs_client *client, struct kfs_call *call)
{
    kfs_loop_call(client->config.loop, cancel, call);
}

static void wake(struct kfs_call *call)
{
    (void)sem_post(call->waiter);
}

struct interruption {
    struct kfs_client *client;
    struct kfs_call *call;
};

static void interrupt(void *arg)
{
    const struct interruption *i = arg;

    kfs_call_cancel(i->client, i->call);
}

int kfs_call_wait(struct kfs_client *client, struct kfs_call *call)
{
    struct interruption i = {client, call};
    sem_t ended;

    (void)sem_init(&ended, 0, 0);
    call->waiter = &ended;
    call->done = wake;
    kfs_call_start(client, call);
    int rc = kfs_patience_begin(interrupt, &i);
    if (rc != 0)
        interrupt(&i);
    while (sem_wait(&ended) != 0) /* EINTR: a signal is not for us */
        continue;
    if (rc == 0)
        kfs_patience_end();
    (void)sem_destroy(&ended);
    return call->rc;
}

void kfs_call_release(struct kfs_call *call)
{
    free_state(call);
    kfs_buf_release(&call->body);
}

/* ---- life ---- */

static void changed(void *arg)
{
    struct kfs_client *client = arg;

    kfs_loop_post(client->config.loop, &client->changed);
}

static void free_client(struct kfs_client *client)
{
    pthread_cond_destroy(&client->change);
    pthread_mutex_destroy(&client->lock);
    free(client->endpoint);
    free(client->region);
    free(client->ca_bundle);
    free(client);
}

int kfs_client_new(const struct kfs_client_config *config, struct kfs_client **out, struct kfs_error *err)
{
    struct kfs_client *client;
    char host[KFS_HOST_MAX + 1];

    if ((strncmp(config->endpoint, "http://", 7) != 0 && strncmp(config->endpoint, "https://", 8) != 0) ||
        kfs_sign_host(config->endpoint, host) != 0 || strpbrk(config->endpoint, "?# ") != NULL)
        return kfs_fail(err, EINVAL, "that is no URL of an endpoint: it is like https://HOST or http://HOST:PORT");
    if (!kfs_region_valid(config->region))
        return kfs_fail(err, EINVAL, "'%s' is no region", config->region);
    client = calloc(1, sizeof *client);
    if (client == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    pthread_mutex_init(&client->lock, NULL);
    pthread_cond_init(&client->change, NULL);
    client->config = *config;
    client->endpoint = strdup(config->endpoint);
    client->region = strdup(config->region);
    if (config->tls.ca_bundle != NULL)
        client->ca_bundle = strdup(config->tls.ca_bundle);
    if (client->endpoint == NULL || client->region == NULL ||
        (client->ca_bundle == NULL && config->tls.ca_bundle != NULL)) {
        free_client(client);
        return kfs_fail(err, ENOMEM, "out of memory");
    }
    client->config.tls.ca_bundle = client->ca_bundle;
    if (client->config.connect_timeout_ms == 0)
        client->config.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    client->changed.run = on_changed;
    config->credentials.watch(config->credentials.ctx, changed, client);
    *out = client;
    return 0;
}

static void close_client(void *arg)
{
    struct kfs_client *client = arg;

    client->closing = true;
    while (client->calls != NULL)
        cancel(client->calls->call);
    kfs_loop_unpost(client->config.loop, &client->changed);
}

void kfs_client_free(struct kfs_client *client)
{
    if (client == NULL)
        return;
    client->config.credentials.watch(client->config.credentials.ctx, NULL, NULL);
    kfs_loop_call(client->config.loop, close_client, client);
    pthread_mutex_lock(&client->lock);
    while (client->stats.running > 0)
        pthread_cond_wait(&client->change, &client->lock);
    pthread_mutex_unlock(&client->lock);
    free_client(client);
}

void kfs_client_stats(struct kfs_client *client, struct kfs_client_stats *stats)
{
    pthread_mutex_lock(&client->lock);
    *stats = client->stats;
    pthread_mutex_unlock(&client->lock);
}
