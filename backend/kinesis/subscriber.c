#include "backend/kinesis/subscriber.h"

#include <errno.h>
#include <string.h>

#include "backend/kinesis/backoff.h"
#include "backend/kinesis/verdict.h"

#define PAUSE_MS 1000         /* calls of a shard and consumer; looks for what is missing */
#define EVENT_MAX (20U << 20) /* bytes of an event, and of its records decoded */
#define BODY_MAX 4096

static void on_timer(struct kfs_timer *timer);
static void on_consumer(struct remote_consumer_ask *ask, const struct kfs_error *failure);
static int on_event(struct kfs_call *call, const struct kfs_value *event);
static void on_end(struct kfs_call *call);

void remote_subscriber_init(struct remote_subscriber *s, const struct remote_subscriber_config *config)
{
    *s = (struct remote_subscriber){.config = *config, .timer = {.fire = on_timer}, .ask = {.told = on_consumer}};
    kfs_buf_init(&s->data, EVENT_MAX);
}

void remote_subscriber_release(struct remote_subscriber *s)
{
    kfs_call_release(&s->call);
    kfs_buf_release(&s->data);
}

static uint64_t now(const struct remote_subscriber *s)
{
    return s->config.world->now_ms(s->config.world->ctx);
}

static void arm(struct remote_subscriber *s, uint64_t ms)
{
    s->config.world->arm(s->config.world->ctx, &s->timer, ms);
}

/* Waits so long, and until `since` after the last subscription began. */
static void wait(struct remote_subscriber *s, uint64_t ms, uint64_t since)
{
    uint64_t passed = now(s) - s->began_ms;
    uint64_t left = s->counts.subscriptions > 0 && passed < since ? since - passed : 0;

    s->state = REMOTE_SUB_WAITING;
    arm(s, ms > left ? ms : left);
}

/* ---- what goes wrong ---- */

static bool is_taken(const struct kfs_error *failure)
{
    return strcmp(failure->aws_code, "ResourceInUseException") == 0;
}

/* Decides what the failure means for the next subscription, and when that is. */
static void back_off(struct remote_subscriber *s, const struct kfs_error *failure)
{
    const struct remote_world *w = s->config.world;
    enum remote_verdict verdict = remote_verdict_of(failure);

    if (verdict == REMOTE_NO_STREAM)
        remote_consumer_forget(s->config.consumer);
    if (verdict == REMOTE_BAD)
        remote_place_refused(&s->place);
    if (is_taken(failure)) {
        s->failures = 0; /* to try earlier would not help */
        wait(s, s->heard ? REMOTE_SUBSCRIBER_YIELD_MS : REMOTE_SUBSCRIBER_AGAIN_MS, 0);
        return;
    }
    uint64_t ms = remote_backoff_ms(s->failures, REMOTE_BACKOFF_MAX_MS, w->random(w->ctx));
    s->failures++;
    wait(s, ms > PAUSE_MS ? ms : PAUSE_MS, s->heard ? REMOTE_SUBSCRIBER_AGAIN_MS : 0);
}

static void fail(struct remote_subscriber *s, const struct kfs_error *failure)
{
    s->live = false;
    s->counts.failures++;
    if (remote_is_throttle(failure->aws_code))
        s->counts.throttled++;
    if (failure->code == EOPNOTSUPP)
        s->state = REMOTE_SUB_OVER;
    else
        back_off(s, failure);
    s->config.events->trouble(s->config.arg, failure);
}

static void fail_with(struct remote_subscriber *s, int code, const char *what)
{
    struct kfs_error err = {0};

    (void)kfs_fail(&err, code, "SubscribeToShard: %s", what);
    err.retryable = true;
    fail(s, &err);
}

static void stop(struct remote_subscriber *s)
{
    s->live = false;
    if (s->state != REMOTE_SUB_OVER)
        s->state = REMOTE_SUB_STOPPED;
}

/* ---- subscribing ---- */

static int print_body(struct remote_subscriber *s)
{
    static const struct remote_place_names names = {"Type", "SequenceNumber"};
    struct kfs_buf *body = &s->call.body;

    int rc = kfs_buf_printf(body, "{\"ConsumerARN\":\"%s\",\"ShardId\":\"%s\",\"StartingPosition\":{",
                            s->config.consumer->arn, s->config.shard_id);
    if (rc == 0)
        rc = remote_place_print(&s->place, s->config.mirror, false, &names, body);
    return rc == 0 ? kfs_buf_append(body, "}}", 2) : rc;
}

static void subscribe(struct remote_subscriber *s)
{
    const struct remote_world *w = s->config.world;

    kfs_call_release(&s->call);
    s->call = (struct kfs_call){
        .operation = "SubscribeToShard", .response_max = EVENT_MAX, .event = on_event, .done = on_end};
    kfs_buf_init(&s->call.body, BODY_MAX);
    s->error = (struct kfs_error){0};
    s->heard = false;
    if (print_body(s) != 0) {
        fail_with(s, ENOMEM, "out of memory");
        return;
    }
    s->state = REMOTE_SUB_OPEN;
    s->began_ms = now(s);
    s->counts.subscriptions++;
    ++*s->config.open;
    arm(s, REMOTE_SUBSCRIBER_SILENCE_MS);
    w->call(w->ctx, &s->call);
}

static bool is_empty(struct remote_subscriber *s)
{
    struct kfs_log_extent extent;

    kfs_log_extent(s->config.mirror, &extent);
    return kfs_seq_is_none(&extent.last);
}

/* There is none for now, and until then records are polled. */
static void lapse(struct remote_subscriber *s)
{
    if (!s->live)
        return;
    s->live = false;
    s->config.events->lapsed(s->config.arg);
}

static void go_on(struct remote_subscriber *s)
{
    if (s->stopping || !s->wanted) {
        stop(s);
    } else if (*s->config.open >= REMOTE_SUBSCRIPTIONS_MAX || (s->config.from_latest && is_empty(s))) {
        lapse(s);
        wait(s, PAUSE_MS, 0);
    } else if (s->config.consumer->arn[0] == '\0') {
        lapse(s);
        s->state = REMOTE_SUB_ASKING;
        remote_consumer_ask(s->config.consumer, &s->ask);
    } else {
        subscribe(s);
    }
}

static void on_consumer(struct remote_consumer_ask *ask, const struct kfs_error *failure)
{
    struct remote_subscriber *s = (struct remote_subscriber *)((char *)ask - offsetof(struct remote_subscriber, ask));

    if (failure == NULL) {
        go_on(s);
    } else {
        s->heard = false;
        fail(s, failure);
    }
}

/* ---- a subscription ---- */

static int on_event(struct kfs_call *call, const struct kfs_value *event)
{
    struct remote_subscriber *s = (struct remote_subscriber *)((char *)call - offsetof(struct remote_subscriber, call));
    struct remote_got got;

    int rc = remote_mirror_take(s->config.mirror, call->operation, event, &s->data, &got, &s->error);
    kfs_buf_release(&s->data); /* of a shard that rests nothing is held */
    if (rc != 0)
        return rc;
    s->live = true;
    s->heard = true;
    s->failures = 0;
    s->place = (struct remote_place){.type = REMOTE_AFTER_LAST, .passed = got.continuation};
    s->ends = kfs_seq_is_none(&got.continuation) && got.children;
    s->counts.events++;
    s->counts.behind_ms = got.behind_ms;
    arm(s, REMOTE_SUBSCRIBER_SILENCE_MS);
    s->config.events->heard(s->config.arg, got.n > 0);
    if (s->ends)
        s->config.events->ended(s->config.arg);
    return 0;
}

static void on_end(struct kfs_call *call)
{
    struct remote_subscriber *s = (struct remote_subscriber *)((char *)call - offsetof(struct remote_subscriber, call));
    const struct kfs_error failure = s->error.code != 0 ? s->error : call->error;

    s->config.world->disarm(s->config.world->ctx, &s->timer);
    --*s->config.open;
    if (s->ends) {
        s->state = REMOTE_SUB_OVER;
        s->live = false;
    } else if (s->stopping || !s->wanted) {
        stop(s);
    } else if (call->rc != 0) {
        fail(s, &failure);
    } else if (now(s) - s->began_ms < REMOTE_SUBSCRIBER_AGAIN_MS) {
        fail_with(s, EAGAIN, "the endpoint has ended the subscription at once");
    } else {
        go_on(s); /* its time was over; live all the same */
    }
}

/* ---- being driven ---- */

static void on_timer(struct kfs_timer *timer)
{
    struct remote_subscriber *s =
        (struct remote_subscriber *)((char *)timer - offsetof(struct remote_subscriber, timer));

    if (s->state != REMOTE_SUB_OPEN) {
        go_on(s);
        return;
    }
    (void)kfs_fail(&s->error, EAGAIN, "SubscribeToShard: no event for %d s", REMOTE_SUBSCRIBER_SILENCE_MS / 1000);
    s->error.retryable = true;
    s->config.world->cancel(s->config.world->ctx, &s->call);
}

void remote_subscriber_want(struct remote_subscriber *s, bool wanted)
{
    const struct remote_world *w = s->config.world;

    s->wanted = wanted && !s->stopping;
    if (s->state == REMOTE_SUB_STOPPED && s->wanted) {
        wait(s, REMOTE_SUBSCRIBER_START_MS, REMOTE_SUBSCRIBER_AGAIN_MS);
    } else if (s->state == REMOTE_SUB_OPEN && !s->wanted) {
        w->cancel(w->ctx, &s->call);
    } else if (!s->wanted) {
        remote_consumer_withdraw(s->config.consumer, &s->ask);
        w->disarm(w->ctx, &s->timer);
        stop(s);
    }
}

void remote_subscriber_retry(struct remote_subscriber *s)
{
    if (s->state != REMOTE_SUB_WAITING || s->failures == 0)
        return;
    s->failures = 0;
    wait(s, PAUSE_MS, s->heard ? REMOTE_SUBSCRIBER_AGAIN_MS : 0);
}

void remote_subscriber_stop(struct remote_subscriber *s)
{
    s->stopping = true;
    remote_subscriber_want(s, false);
}
