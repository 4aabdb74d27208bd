/* Calls of a client: what comes back of each, when it ends, and streams. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/eventstream.h"
#include "tests/support/clientworld.h"

static void an_answer_is_decoded(void **state)
{
    struct client_world *w = *state;
    struct kfs_call call;

    call_with(w, &call, (struct stand_answer){.status = 200, .body = "{\"StreamNames\":[\"a\",\"b\"]}"});
    assert_int_equal(call.rc, 0);
    assert_int_equal(kfs_value_get(&call.value, "StreamNames")->n, 2);
    stand_expect(&w->stand, 0, "POST /\n");
    stand_expect(&w->stand, 0, "\nx-amz-target: Kinesis_20131202.ListStreams\n");
    stand_expect(&w->stand, 0, "\ncontent-type: application/x-amz-json-1.1\n");
    stand_expect(&w->stand, 0, "\n(HTTP 1)\n\n{}");
    stand_expect_not(&w->stand, 0, "accept-encoding");
    kfs_call_release(&call);
    call_with(w, &call, (struct stand_answer){.status = 200});
    assert_int_equal(call.rc, 0);
    assert_null(kfs_value_get(&call.value, "StreamNames"));
    kfs_call_release(&call);
}

static const struct refusal_case {
    int status;
    const char *body;
    int number;
    bool retryable;
    bool throttled;
    bool reached;
    const char *code;
} refusal_cases[] = {
    {400, "{\"__type\":\"ResourceNotFoundException\",\"message\":\"no\"}", ENOENT, false, false, false,
     "ResourceNotFoundException"},
    {400, "{\"__type\":\"a.b#ProvisionedThroughputExceededException:http://x\",\"Message\":\"slow\"}", EAGAIN, true,
     true, false, "ProvisionedThroughputExceededException"},
    {400, "{\"__type\":\"AccessDeniedException\"}", EACCES, false, false, false, "AccessDeniedException"},
    {400, "{\"__type\":\"LimitExceededException\"}", EDQUOT, true, true, false, "LimitExceededException"},
    {400, "{\"__type\":\"LimitExceededException\",\"message\":\"Rate exceeded for stream s.\"}", EAGAIN, true, true,
     false, "LimitExceededException"},
    {400, "{\"__type\":\"ExpiredIteratorException\"}", ESTALE, false, false, false, "ExpiredIteratorException"},
    {400, "{\"__type\":\"New\"}", EINVAL, false, false, false, "New"},
    {500, "{\"__type\":\"InternalFailure\"}", EHOSTUNREACH, true, false, true, "InternalFailure"},
    {503, "<html>", EHOSTUNREACH, true, false, true, "HTTP-503"},
    {502, "", EHOSTUNREACH, true, false, true, "HTTP-502"},
    {429, "", EAGAIN, true, true, false, "HTTP-429"},
    {403, "<AccessDeniedException/>", EACCES, false, false, false, "HTTP-403"},
    {400, "<html>", EHOSTUNREACH, true, false, false, "HTTP-400"},
    {404, "nginx", EHOSTUNREACH, true, false, false, "HTTP-404"},
    {413, "", EMSGSIZE, false, false, false, "HTTP-413"},
    {200, "not JSON", EHOSTUNREACH, true, false, true, ""},
    {200, "[]", EHOSTUNREACH, true, false, true, ""},
    {200, "{\"a\":", EHOSTUNREACH, true, false, true, ""},
};

static void refusals_have_their_errno(void **state)
{
    struct client_world *w = *state;

    for (size_t i = 0; i < sizeof refusal_cases / sizeof refusal_cases[0]; i++) {
        const struct refusal_case *c = &refusal_cases[i];
        struct kfs_call call;
        call_with(w, &call,
                  (struct stand_answer){.status = c->status, .header = "x-amzn-RequestId: r-1", .body = c->body});
        assert_int_equal(call.rc, -c->number);
        assert_int_equal(call.error.code, c->number);
        assert_int_equal(call.error.retryable, c->retryable);
        assert_int_equal(call.throttled, c->throttled);
        assert_int_equal(call.reached, c->reached);
        assert_string_equal(call.error.aws_code, c->code);
        assert_string_equal(call.error.request_id, "r-1");
        assert_int_equal(stand_count(&w->stand), 1);
        kfs_call_release(&call);
    }
}

static void what_the_endpoint_asks_to_wait_is_told(void **state)
{
    struct kfs_call call;

    call_with(*state, &call, (struct stand_answer){.status = 503, .header = "Retry-After: 7"});
    assert_int_equal(call.retry_after_ms, 7000);
    kfs_call_release(&call);
    call_with(*state, &call, (struct stand_answer){.status = 503, .header = "x-amz-retry-after: 1500"});
    assert_int_equal(call.retry_after_ms, 1500);
    kfs_call_release(&call);
    call_with(*state, &call, (struct stand_answer){.status = 503, .header = "Retry-After: 99999999999999999999"});
    assert_int_equal(call.retry_after_ms, 0);
    kfs_call_release(&call);
}

static void a_cut_is_retryable_and_may_have_been_carried_out(void **state)
{
    struct kfs_call call;

    call_with(*state, &call, (struct stand_answer){.status = 0});
    assert_int_equal(call.rc, -EHOSTUNREACH);
    assert_true(call.error.retryable);
    assert_true(call.reached);
    kfs_call_release(&call);
}

static void what_libcurl_sends_once_more_is_counted(void **state)
{
    static const struct stand_answer answers[] = {{.when = "POST /", .times = 1, .status = 200, .body = "{}"},
                                                  {.when = "POST /", .times = 1, .status = 0},
                                                  {.when = "POST /", .status = 200, .body = "{}"}};
    struct client_world *w = *state;
    struct kfs_call call;

    stand_script(&w->stand, answers, 3);
    connect_to(w, w->stand.url);
    prepare(&call, "ListStreams", "{}");
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(kfs_call_wait(w->client, &call), 0);
        assert_int_equal(call.repeats, i == 1 ? 1 : 0);
    }
    assert_int_equal(stand_count(&w->stand), 4);
    kfs_call_release(&call);
}

static void no_one_there_is_not_reached(void **state)
{
    struct client_world *w = *state;
    struct kfs_call call;

    connect_to(w, "http://127.0.0.1:1");
    prepare(&call, "ListStreams", "{}");
    assert_int_equal(kfs_call_wait(w->client, &call), -EHOSTUNREACH);
    assert_true(call.error.retryable);
    assert_false(call.reached);
    kfs_call_release(&call);
}

static void a_call_ends_at_its_deadline(void **state)
{
    struct kfs_call call;

    ((struct client_world *)*state)->deadline_ms = 300;
    call_with(*state, &call, (struct stand_answer){.status = -1});
    assert_int_equal(call.rc, -ETIMEDOUT);
    assert_true(call.error.retryable);
    assert_true(call.reached);
    kfs_call_release(&call);
    call_with(*state, &call, (struct stand_answer){.status = 200, .body = "{\"a\":1}", .drip = 1});
    assert_int_equal(call.rc, -ETIMEDOUT);
    kfs_call_release(&call);
}

static void a_silent_endpoint_is_given_up_before_the_deadline(void **state)
{
    struct client_world *w = *state;
    struct stand_answer answer = {.when = "POST", .status = -1};
    struct kfs_call call;

    stand_script(&w->stand, &answer, 1);
    connect_to(w, w->stand.url);
    prepare(&call, "GetRecords", "{}");
    call.idle_ms = 1000;
    call.deadline_ms = 100000;
    uint64_t begin = kfs_system_clock.mono_ms(kfs_system_clock.ctx);
    assert_int_equal(kfs_call_wait(w->client, &call), -ETIMEDOUT);
    assert_true(kfs_system_clock.mono_ms(kfs_system_clock.ctx) - begin < 50000);
    assert_true(call.error.retryable);
    assert_non_null(strstr(call.error.text, "no byte has come"));
    kfs_call_release(&call);
}

struct waiting {
    struct kfs_client *client;
    struct kfs_call call;
};

static void *wait_for_call(void *arg)
{
    struct waiting *w = arg;

    (void)kfs_call_wait(w->client, &w->call);
    return NULL;
}

/* Over TLS libcurl has it wait for the first one's connection, and keeps no time meanwhile. */
static void a_call_behind_a_silent_one_ends_at_its_deadline(void **state)
{
    static const char *const schemes[] = {"http", "https"};
    struct client_world *w = *state;
    unsigned port;
    int fd = stand_silent(&port);

    w->tls.insecure = true; /* a minimal system has no certificates of authorities */
    for (size_t i = 0; i < 2; i++) {
        struct waiting first = {0};
        struct kfs_call call;
        pthread_t thread;
        char url[64];
        (void)snprintf(url, sizeof url, "%s://127.0.0.1:%u", schemes[i], port);
        connect_to(w, url);
        first.client = w->client;
        prepare(&first.call, "PutRecords", "{}");
        first.call.deadline_ms = 3000;
        assert_int_equal(pthread_create(&thread, NULL, wait_for_call, &first), 0);
        (void)usleep(100000);
        prepare(&call, "ListStreams", "{}");
        call.deadline_ms = 300;
        uint64_t begin = kfs_system_clock.mono_ms(kfs_system_clock.ctx);
        assert_int_equal(kfs_call_wait(w->client, &call), -ETIMEDOUT);
        assert_true(kfs_system_clock.mono_ms(kfs_system_clock.ctx) - begin < 2000);
        assert_int_equal(pthread_join(thread, NULL), 0);
        kfs_call_release(&first.call);
        kfs_call_release(&call);
        kfs_client_free(w->client);
        w->client = NULL;
    }
    (void)close(fd);
}

static void an_answer_has_a_limit(void **state)
{
    struct client_world *w = *state;
    struct stand_answer answer = {.when = "POST", .status = 200, .zeros = 1001};
    struct kfs_call call;

    stand_script(&w->stand, &answer, 1);
    connect_to(w, w->stand.url);
    prepare(&call, "GetRecords", "{}");
    call.response_max = 1000;
    assert_int_equal(kfs_call_wait(w->client, &call), -EIO);
    assert_true(call.error.retryable && call.reached);
    assert_non_null(strstr(call.error.text, "too long"));
    kfs_call_release(&call);
    prepare(&call, "GetRecords", "{}");
    call.response_max = 1001;
    assert_int_equal(kfs_call_wait(w->client, &call), -EHOSTUNREACH);
    assert_non_null(strstr(call.error.text, "not a JSON object"));
    kfs_call_release(&call);
}

/* ---- canceling ---- */

static void *cancel_soon(void *arg)
{
    void **both = arg;

    while (stand_count(&((struct client_world *)both[0])->stand) == 0)
        usleep(1000);
    kfs_call_cancel(((struct client_world *)both[0])->client, both[1]);
    return NULL;
}

static void a_waiting_call_can_be_canceled(void **state)
{
    struct client_world *w = *state;
    struct stand_answer answer = {.when = "POST", .status = -1};
    struct kfs_call call;
    void *both[] = {w, &call};
    pthread_t thread;

    stand_script(&w->stand, &answer, 1);
    connect_to(w, w->stand.url);
    prepare(&call, "ListStreams", "{}");
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, both), 0);
    assert_int_equal(kfs_call_wait(w->client, &call), -ECANCELED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(call.reached);
    kfs_call_cancel(w->client, &call); /* it has ended */
    kfs_call_release(&call);
}

static atomic_int ended;

static void count_end(struct kfs_call *call)
{
    assert_int_equal(call->rc, -ECANCELED);
    ended++;
    kfs_call_release(call);
}

static void freeing_the_client_ends_its_calls(void **state)
{
    struct client_world *w = *state;
    struct stand_answer answer = {.when = "POST", .status = -1};
    struct kfs_call calls[20];

    stand_script(&w->stand, &answer, 1);
    connect_to(w, w->stand.url);
    ended = 0;
    for (size_t i = 0; i < 20; i++) {
        prepare(&calls[i], "ListStreams", "{}");
        calls[i].done = count_end;
        kfs_call_start(w->client, &calls[i]);
    }
    kfs_client_free(w->client);
    w->client = NULL;
    assert_int_equal(ended, 20);
}

/* ---- streams ---- */

static int events;

static int on_event(struct kfs_call *call, const struct kfs_value *event)
{
    (void)call;
    events += (int)kfs_value_get(event, "n")->integer;
    return events > 100 ? -EPIPE : 0;
}

static void add(struct kfs_buf *buf, bool exception, const char *type, const char *payload)
{
    struct kfs_eventstream e;

    if (exception)
        kfs_eventstream_exception(&e, buf, type);
    else
        kfs_eventstream_event(&e, buf, type);
    assert_int_equal(kfs_buf_append(buf, payload, strlen(payload)), 0);
    assert_int_equal(kfs_eventstream_end(&e), 0);
}

/* Calls for a stream of these bytes; 0 or -errno. */
static int stream(struct client_world *w, const struct kfs_buf *buf, struct kfs_call *call)
{
    struct stand_answer answer = {.when = "POST", .status = 200, .body = buf->data, .len = buf->len};

    stand_script(&w->stand, &answer, 1);
    if (w->client == NULL)
        connect_to(w, w->stand.url);
    events = 0;
    prepare(call, "SubscribeToShard", "{}");
    call->event = on_event;
    return kfs_call_wait(w->client, call);
}

static void events_of_a_stream_come_one_by_one(void **state)
{
    struct client_world *w = *state;
    struct kfs_buf buf;
    struct kfs_call call;

    kfs_buf_init(&buf, 1U << 20);
    add(&buf, false, "initial-response", "{}");
    add(&buf, false, "SubscribeToShardEvent", "{\"n\":3}");
    add(&buf, false, "SubscribeToShardEvent", "{\"n\":4}");
    assert_int_equal(stream(w, &buf, &call), 0);
    assert_int_equal(events, 7);
    kfs_call_release(&call);
    buf.len--; /* cut */
    assert_int_equal(stream(w, &buf, &call), -EHOSTUNREACH);
    assert_true(call.error.retryable);
    assert_int_equal(events, 3);
    kfs_call_release(&call);
    buf.data[buf.len++] = 'x'; /* its checksum is wrong */
    assert_int_equal(stream(w, &buf, &call), -EHOSTUNREACH);
    kfs_call_release(&call);
    kfs_buf_release(&buf);
}

static void a_stream_can_end_with_an_error(void **state)
{
    struct client_world *w = *state;
    struct kfs_buf buf;
    struct kfs_call call;

    kfs_buf_init(&buf, 1U << 20);
    add(&buf, true, "ResourceInUseException", "{\"message\":\"another\"}");
    assert_int_equal(stream(w, &buf, &call), -EEXIST);
    assert_string_equal(call.error.aws_code, "ResourceInUseException");
    kfs_call_release(&call);
    buf.len = 0;
    add(&buf, false, "SubscribeToShardEvent", "{\"n\":101}");
    add(&buf, false, "SubscribeToShardEvent", "{\"n\":1}");
    assert_int_equal(stream(w, &buf, &call), -EPIPE); /* who takes events had enough */
    assert_int_equal(events, 101);
    kfs_call_release(&call);
    kfs_buf_release(&buf);
}

static void what_is_no_endpoint_is_refused(void **state)
{
    struct client_world *w = *state;
    struct kfs_client_config config = client_config(w, "");
    static const char *const urls[] = {"ftp://x",    "x",          "http://", "http://u:p@x",
                                       "http://x?a", "http://a b", "http:///"};
    struct kfs_error err = {0};

    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        config.endpoint = urls[i];
        assert_int_equal(kfs_client_new(&config, &w->client, &err), -EINVAL);
        assert_null(strstr(err.text, "u:p"));
    }
    config.endpoint = "http://x";
    config.region = "a:b";
    assert_int_equal(kfs_client_new(&config, &w->client, &err), -EINVAL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, client_world_setup, client_world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_answer_is_decoded),
        TEST(refusals_have_their_errno),
        TEST(what_the_endpoint_asks_to_wait_is_told),
        TEST(a_cut_is_retryable_and_may_have_been_carried_out),
        TEST(what_libcurl_sends_once_more_is_counted),
        TEST(no_one_there_is_not_reached),
        TEST(a_call_ends_at_its_deadline),
        TEST(a_silent_endpoint_is_given_up_before_the_deadline),
        TEST(a_call_behind_a_silent_one_ends_at_its_deadline),
        TEST(an_answer_has_a_limit),
        TEST(a_waiting_call_can_be_canceled),
        TEST(freeing_the_client_ends_its_calls),
        TEST(events_of_a_stream_come_one_by_one),
        TEST(a_stream_can_end_with_an_error),
        TEST(what_is_no_endpoint_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
