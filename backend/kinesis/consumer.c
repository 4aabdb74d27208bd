#include "backend/kinesis/consumer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/kinesis/reply.h"

#define POLL_MS 1000      /* DescribeStreamConsumer: 20 calls a second are the account's */
#define DESCRIBED_MAX 60U /* then it is an error, and whoever asked backs off */
#define BODY_MAX 4096

static void on_answer(struct kfs_call *call);
static void on_timer(struct kfs_timer *timer);

void remote_consumer_init(struct remote_consumer *c, const struct remote_world *world, const char *name,
                          const char *stream_arn, uint32_t call_timeout_ms)
{
    *c = (struct remote_consumer){
        .world = world, .name = name, .timer = {.fire = on_timer}, .call_timeout_ms = call_timeout_ms};
    (void)snprintf(c->stream_arn, sizeof c->stream_arn, "%s", stream_arn);
}

/* Tells all who asked until now. */
static void tell(struct remote_consumer *c, const struct kfs_error *failure)
{
    struct remote_consumer_ask *asks = c->asks;

    c->asks = NULL;
    c->busy = false;
    kfs_call_release(&c->call);
    while (asks != NULL) {
        struct remote_consumer_ask *ask = asks;
        asks = ask->next;
        ask->told(ask, failure);
    }
}

static void fail(struct remote_consumer *c, int code, const char *what)
{
    struct kfs_error err = {0};

    (void)kfs_fail(&err, code, "consumer %s: %s", c->name, what);
    err.retryable = true;
    tell(c, &err);
}

static void call(struct remote_consumer *c, const char *operation)
{
    c->call = (struct kfs_call){.operation = operation, .deadline_ms = c->call_timeout_ms, .done = on_answer};
    kfs_buf_init(&c->call.body, BODY_MAX);
    c->busy = true;
    if (kfs_buf_printf(&c->call.body, "{\"StreamARN\":\"%s\",\"ConsumerName\":\"%s\"}", c->stream_arn, c->name) != 0)
        fail(c, ENOMEM, "out of memory");
    else
        c->world->call(c->world->ctx, &c->call);
}

static void describe(struct remote_consumer *c)
{
    c->described++;
    call(c, "DescribeStreamConsumer");
}

static void on_timer(struct kfs_timer *timer)
{
    describe((struct remote_consumer *)((char *)timer - offsetof(struct remote_consumer, timer)));
}

void remote_consumer_ask(struct remote_consumer *c, struct remote_consumer_ask *ask)
{
    ask->next = c->asks;
    c->asks = ask;
    if (c->busy || c->stopped)
        return;
    c->described = 0;
    c->busy = true;
    c->world->arm(c->world->ctx, &c->timer, 0);
}

void remote_consumer_withdraw(struct remote_consumer *c, struct remote_consumer_ask *ask)
{
    for (struct remote_consumer_ask **at = &c->asks; *at != NULL; at = &(*at)->next) {
        if (*at == ask) {
            *at = ask->next;
            break;
        }
    }
}

/* True: it can be subscribed as. */
static bool take_description(struct remote_consumer *c, const struct kfs_value *map)
{
    char status[16];

    if (map == NULL || map->type != KFS_VALUE_MAP || !remote_answer_text(map, "ConsumerStatus", status, sizeof status))
        return false;
    return strcmp(status, "ACTIVE") == 0 && remote_answer_text(map, "ConsumerARN", c->arn, sizeof c->arn) &&
           strpbrk(c->arn, "\"\\") == NULL;
}

static void on_answer(struct kfs_call *answered)
{
    struct remote_consumer *c = (struct remote_consumer *)((char *)answered - offsetof(struct remote_consumer, call));
    bool describes = strcmp(answered->operation, "DescribeStreamConsumer") == 0;
    const char *code = answered->error.aws_code;

    if (answered->rc == 0 && describes && take_description(c, kfs_value_get(&answered->value, "ConsumerDescription"))) {
        tell(c, NULL);
        return;
    }
    c->arn[0] = '\0';
    /* Where another has registered it meanwhile that is as well. */
    bool registered = !describes && strcmp(code, "ResourceInUseException") == 0;
    if (answered->rc != 0 && describes && strcmp(code, "ResourceNotFoundException") == 0) {
        kfs_call_release(answered);
        call(c, "RegisterStreamConsumer");
    } else if (answered->rc != 0 && !registered) {
        const struct kfs_error failure = answered->error;
        tell(c, &failure);
    } else if (c->described >= DESCRIBED_MAX) {
        fail(c, EAGAIN, "it does not become ACTIVE");
    } else {
        kfs_call_release(answered);
        c->world->arm(c->world->ctx, &c->timer, POLL_MS);
    }
}

void remote_consumer_forget(struct remote_consumer *c)
{
    c->arn[0] = '\0';
}

void remote_consumer_stop(struct remote_consumer *c)
{
    if (c->world == NULL)
        return;
    c->stopped = true;
    c->asks = NULL;
    c->world->disarm(c->world->ctx, &c->timer);
    if (c->busy)
        c->world->cancel(c->world->ctx, &c->call);
}

void remote_consumer_release(struct remote_consumer *c)
{
    kfs_call_release(&c->call);
}
