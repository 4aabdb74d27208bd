#include "backend/kinesis/poller.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/kinesis/backoff.h"
#include "backend/kinesis/verdict.h"

#define LIMIT 10000U                /* records asked for, where nothing speaks against it */
#define BACKOFF_MAX_MS 5000         /* readers wait: less than a sender's */
#define HURRIED_MS 1000             /* between tries while someone waits */
#define IDLE_MS 5000                /* without a byte of an answer: asking again does no harm */
#define ANSWER_DATA_MAX (20U << 20) /* of records, decoded; the answer is bounded too */

static void on_timer(struct kfs_timer *timer);
static void on_answer(struct kfs_call *call);

void remote_poller_init(struct remote_poller *p, const struct remote_poller_config *config)
{
    *p =
        (struct remote_poller){.config = *config,
                               .state = REMOTE_POLL_STOPPED,
                               .timer = {.fire = on_timer},
                               .limit = LIMIT,
                               .call = {.deadline_ms = config->call_timeout_ms, .idle_ms = IDLE_MS, .done = on_answer}};
    kfs_buf_init(&p->call.body, KFS_CALL_BODY_MAX);
    kfs_buf_init(&p->data, ANSWER_DATA_MAX);
}

void remote_poller_release(struct remote_poller *p)
{
    kfs_call_release(&p->call);
    kfs_buf_release(&p->data);
}

static uint64_t now(const struct remote_poller *p)
{
    return p->config.world->now_ms(p->config.world->ctx);
}

static void rest(struct remote_poller *p, uint64_t ms)
{
    p->state = REMOTE_POLL_RESTING;
    p->due_ms = now(p) + ms;
    p->config.world->arm(p->config.world->ctx, &p->timer, ms);
}

/* Rests until `ms` after the last request began. */
static void rest_since(struct remote_poller *p, uint64_t ms)
{
    uint64_t passed = now(p) - p->began_ms;

    rest(p, passed < ms ? ms - passed : 0);
}

static void start_call(struct remote_poller *p, int rc, enum remote_poller_state state, const char *operation)
{
    struct kfs_error err = {0};

    if (rc != 0) {
        (void)kfs_fail(&err, -rc, "out of memory");
        p->config.events->trouble(p->config.arg, &err);
        rest(p, BACKOFF_MAX_MS);
        return;
    }
    p->state = state;
    p->began_ms = now(p);
    p->call.operation = operation;
    p->config.world->call(p->config.world->ctx, &p->call);
}

/* ---- positioning ---- */

static void get_iterator(struct remote_poller *p)
{
    static const struct remote_place_names names = {"ShardIteratorType", "StartingSequenceNumber"};
    struct kfs_buf *body = &p->call.body;

    body->len = 0;
    int rc = kfs_buf_printf(body, "{\"StreamName\":\"%s\",\"ShardId\":\"%s\",", p->config.stream, p->config.shard_id);
    if (rc == 0)
        rc = remote_place_print(&p->place, p->config.mirror, p->config.from_latest, &names, body);
    if (rc == 0)
        rc = kfs_buf_append(body, "}", 1);
    start_call(p, rc, REMOTE_POLL_POSITIONING, "GetShardIterator");
}

static void get_records(struct remote_poller *p)
{
    p->call.body.len = 0;
    int rc = kfs_buf_printf(&p->call.body, "{\"ShardIterator\":\"%s\",\"Limit\":%" PRIu32 "}", p->iterator, p->limit);
    p->counts.requests++;
    start_call(p, rc, REMOTE_POLL_READING, "GetRecords");
}

static void go_on(struct remote_poller *p)
{
    if (p->stopping || !p->wanted)
        p->state = REMOTE_POLL_STOPPED;
    else if (p->iterator[0] == '\0')
        get_iterator(p);
    else
        get_records(p);
}

/* ---- answers ---- */

/* Iterators go into JSON as they are: they must need no escape. */
static bool take_iterator(struct remote_poller *p, struct kfs_bytes text)
{
    const char *chars = text.data;

    if (text.len >= sizeof p->iterator)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (chars[i] < ' ' || chars[i] > '~' || chars[i] == '"' || chars[i] == '\\')
            return false;
    memcpy(p->iterator, chars, text.len);
    p->iterator[text.len] = '\0';
    return true;
}

static void fail(struct remote_poller *p, const struct kfs_error *failure)
{
    const struct remote_world *w = p->config.world;

    if (p->stopping) { /* it may have been ended for that */
        p->state = REMOTE_POLL_STOPPED;
        return;
    }
    p->counts.failures++;
    if (remote_is_throttle(failure->aws_code))
        p->counts.throttled++;
    p->config.events->trouble(p->config.arg, failure);
    uint64_t ms = remote_backoff_ms(p->failures, BACKOFF_MAX_MS, w->random(w->ctx));
    p->failures++;
    if (!p->wanted)
        p->state = REMOTE_POLL_STOPPED;
    else
        rest(p, ms > p->config.busy_ms ? ms : p->config.busy_ms);
}

static void nonsense(struct remote_poller *p)
{
    struct kfs_error err = {0};

    (void)kfs_fail(&err, EIO, "the endpoint's answer to %s makes no sense", p->call.operation);
    fail(p, &err);
}

static void on_iterator(struct remote_poller *p)
{
    const struct kfs_error *failure = p->call.rc != 0 ? &p->call.error : NULL;

    if (failure != NULL) {
        bool refused = remote_verdict_of(failure) == REMOTE_BAD || remote_verdict_of(failure) == REMOTE_NO_STREAM;
        if (refused)
            remote_place_refused(&p->place);
        else
            p->place.type = REMOTE_AFTER_LAST;
        fail(p, failure);
        return;
    }
    const struct kfs_value *text = kfs_value_get(&p->call.value, "ShardIterator");
    if (text == NULL || text->type != KFS_VALUE_STRING || text->bytes.len == 0 || !take_iterator(p, text->bytes)) {
        nonsense(p);
        return;
    }
    p->failures = 0;
    go_on(p);
}

/* The next iterator continues behind the last record. */
static void forget_iterator(struct remote_poller *p)
{
    p->iterator[0] = '\0';
    p->place.type = REMOTE_AFTER_LAST;
}

static void on_failed_records(struct remote_poller *p)
{
    bool expired = p->call.error.code == ESTALE;
    bool no_answer = p->call.reached && p->call.error.aws_code[0] == '\0';

    /* Too long an answer, or one that the endpoint cannot make in time, would come to the same for ever: not every one
     * keeps to 10 MiB. */
    if (no_answer && p->limit > 1)
        p->limit /= 2;

    /* Expired, or no longer understood: a new one continues behind the last record. */
    if (expired || remote_verdict_of(&p->call.error) != REMOTE_LATER)
        forget_iterator(p);
    if (expired && !p->stopping && p->failures++ == 0)
        go_on(p);
    else
        fail(p, &p->call.error);
}

/* What came is in the mirror. ends: nothing more will come. */
static void tell(struct remote_poller *p, const struct remote_got *got, bool ends, bool tip)
{
    if (got->n > 0)
        p->config.events->grew(p->config.arg);
    if (ends)
        p->config.events->ended(p->config.arg);
    if (tip)
        p->config.events->at_tip(p->config.arg, p->counts.requests);
}

static void on_records(struct remote_poller *p)
{
    struct kfs_error err = {0};
    struct remote_got got;

    int rc = remote_mirror_take(p->config.mirror, p->call.operation, &p->call.value, &p->data, &got, &err);
    if (rc != 0) {
        if (rc != -EBADMSG)
            forget_iterator(p); /* what was not kept must come again */
        fail(p, &err);
        return;
    }
    p->failures = 0;
    p->place.type = REMOTE_AFTER_LAST;
    p->counts.behind_ms = got.behind_ms;
    bool ends = got.next_iterator.len == 0;
    if (!ends && !take_iterator(p, got.next_iterator)) {
        p->iterator[0] = '\0';
        nonsense(p);
        return;
    }
    bool tip = ends || (got.behind_ms == 0 && got.listed < p->limit);
    p->limit = p->limit < LIMIT / 2 ? 2 * p->limit : LIMIT;
    p->state = ends ? REMOTE_POLL_ENDED : REMOTE_POLL_STOPPED;
    tell(p, &got, ends, tip);
    /* A shard that rests holds no answer: of ten thousand records that is megabytes. */
    kfs_call_release(&p->call);
    kfs_buf_release(&p->data);
    if (!ends && !p->stopping && p->wanted)
        rest_since(p, p->hurried || got.listed > 0 || !tip ? p->config.busy_ms : p->config.idle_ms);
}

static void on_answer(struct kfs_call *call)
{
    struct remote_poller *p = (struct remote_poller *)((char *)call - offsetof(struct remote_poller, call));

    if (p->state == REMOTE_POLL_POSITIONING)
        on_iterator(p);
    else if (p->call.rc != 0)
        on_failed_records(p);
    else
        on_records(p);
}

/* ---- being driven ---- */

static void on_timer(struct kfs_timer *timer)
{
    struct remote_poller *p = (struct remote_poller *)((char *)timer - offsetof(struct remote_poller, timer));

    go_on(p);
}

void remote_poller_want(struct remote_poller *p, bool wanted, bool hurried)
{
    p->wanted = wanted;
    p->hurried = hurried;
    if (p->stopping)
        return;
    bool begins = p->state == REMOTE_POLL_STOPPED && wanted;
    bool hurries = p->state == REMOTE_POLL_RESTING && wanted && hurried;
    if (begins || (hurries && p->failures == 0)) {
        rest_since(p, p->config.busy_ms);
    } else if (hurries && p->due_ms > p->began_ms + HURRIED_MS) {
        rest_since(p, HURRIED_MS);
    } else if (p->state == REMOTE_POLL_RESTING && !wanted) {
        p->config.world->disarm(p->config.world->ctx, &p->timer);
        p->state = REMOTE_POLL_STOPPED;
    }
}

void remote_poller_retry(struct remote_poller *p)
{
    if (p->state != REMOTE_POLL_RESTING || p->failures == 0 || p->stopping)
        return;
    p->failures = 0;
    rest_since(p, p->config.busy_ms);
}

void remote_poller_overtaken(struct remote_poller *p)
{
    if (p->state == REMOTE_POLL_STOPPED || p->state == REMOTE_POLL_RESTING)
        forget_iterator(p);
}

bool remote_poller_stop(struct remote_poller *p)
{
    p->stopping = true;
    if (p->state == REMOTE_POLL_POSITIONING || p->state == REMOTE_POLL_READING)
        return false;
    p->config.world->disarm(p->config.world->ctx, &p->timer);
    if (p->state != REMOTE_POLL_ENDED)
        p->state = REMOTE_POLL_STOPPED;
    return true;
}
