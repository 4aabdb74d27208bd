/* The client of an endpoint against real servers: one that says what it is told to, and the API of our own, which
 * verifies signatures. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/base/eventstream.h"
#include "backend/endpoint/keys.h"
#include "backend/endpoint/selfsigned.h"
#include "backend/endpoint/server.h"
#include "backend/kinesis/client.h"
#include "tests/support/apiworld.h"
#include "tests/support/stand.h"
#include "tests/support/tempdir.h"

#define VECTOR_MS UINT64_C(1440938160000) /* 2015-08-30T12:36:00Z */
#define VECTOR_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define VECTOR_REGION "us-east-1"

struct world {
    struct stand stand;
    struct kfs_loop *loop;
    struct kfs_client *client;
    struct kfs_clock clock;
    uint64_t wall_ms;
    struct kfs_tls tls;
    uint32_t deadline_ms; /* of call_with; 0: the usual one */
    /* What the source of credentials gives. */
    const char *id;
    const char *token;
    _Atomic int get_rc;
    const char *next_id; /* after a refusal */
    int refusals;
    void (*changed)(void *arg);
    void *changed_arg;
};

static uint64_t wall(void *ctx)
{
    return ((struct world *)ctx)->wall_ms;
}

static uint64_t mono(void *ctx)
{
    (void)ctx;
    return kfs_system_clock.mono_ms(NULL);
}

static int get(void *ctx, struct kfs_credentials *keys, struct kfs_error *err)
{
    struct world *w = ctx;

    if (w->get_rc != 0)
        return kfs_fail(err, -w->get_rc, "no credentials are to be had");
    return kfs_credentials_set(keys, (struct kfs_bytes){w->id, strlen(w->id)},
                               (struct kfs_bytes){VECTOR_SECRET, strlen(VECTOR_SECRET)},
                               (struct kfs_bytes){w->token, w->token == NULL ? 0 : strlen(w->token)});
}

static void refused(void *ctx, const char *id)
{
    struct world *w = ctx;

    assert_string_equal(id, w->id);
    w->refusals++;
    if (w->next_id != NULL)
        w->id = w->next_id;
}

static void watch(void *ctx, void (*changed)(void *arg), void *arg)
{
    struct world *w = ctx;

    w->changed = changed;
    w->changed_arg = arg;
}

static void connect_to(struct world *w, const char *url)
{
    struct kfs_client_config config = {
        .loop = w->loop,
        .clock = &w->clock,
        .endpoint = url,
        .tls = w->tls,
        .region = VECTOR_REGION,
        .credentials = {w, get, refused, watch},
    };

    assert_int_equal(kfs_client_new(&config, &w->client, NULL), 0);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->clock = (struct kfs_clock){w, wall, mono};
    w->wall_ms = VECTOR_MS;
    w->id = "AKIDEXAMPLE";
    stand_start(&w->stand);
    assert_int_equal(kfs_loop_start(&w->clock, &w->loop, NULL), 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    kfs_client_free(w->client);
    kfs_loop_stop(w->loop);
    stand_stop(&w->stand);
    free(w);
    return unsetenv("http_proxy");
}

/* A call with a body of JSON. */
static void prepare(struct kfs_call *call, const char *operation, const char *body)
{
    *call = (struct kfs_call){.operation = operation};
    kfs_buf_init(&call->body, KFS_CALL_BODY_MAX);
    assert_int_equal(kfs_buf_append(&call->body, body, strlen(body)), 0);
}

/* Calls the stand, which answers so. */
static void call_with(struct world *w, struct kfs_call *call, struct stand_answer answer)
{
    answer.when = "POST /";
    stand_script(&w->stand, &answer, 1);
    if (w->client == NULL)
        connect_to(w, w->stand.url);
    prepare(call, "ListStreams", "{}");
    call->deadline_ms = w->deadline_ms;
    (void)kfs_call_wait(w->client, call);
}

static void an_answer_is_decoded(void **state)
{
    struct world *w = *state;
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

/* The vectors of botocore; by way of a proxy, so that the host is the service's. */
static void signatures_are_those_of_the_vectors(void **state)
{
    struct world *w = *state;
    struct stand_answer answer = {.when = "POST /", .status = 200};
    struct kfs_call call;

    assert_int_equal(setenv("http_proxy", w->stand.url, 1), 0);
    connect_to(w, "http://kinesis.us-east-1.amazonaws.com");
    stand_script(&w->stand, &answer, 1);
    prepare(&call, "ListStreams", "{}");
    assert_int_equal(kfs_call_wait(w->client, &call), 0);
    stand_expect(&w->stand, 0, "\nhost: kinesis.us-east-1.amazonaws.com\n");
    stand_expect(&w->stand, 0, "\nx-amz-date: 20150830T123600Z\n");
    stand_expect(&w->stand, 0, "SignedHeaders=content-type;host;x-amz-date;x-amz-target,");
    stand_expect(&w->stand, 0, "Signature=925c3db40b08420ca61dca918aba19ba7d01dc399bc06ce06a1168284ed8172b\n");
    w->token = "SESSIONTOKENEXAMPLE==";
    assert_int_equal(kfs_call_wait(w->client, &call), 0);
    stand_expect(&w->stand, 1, "\nx-amz-security-token: SESSIONTOKENEXAMPLE==\n");
    stand_expect(&w->stand, 1, "Signature=a7647f2104cee42a70be2133f4f8bfc7c74880b8776f3de7c540dcc497fac63e\n");
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
    {400, "{\"__type\":\"ExpiredIteratorException\"}", ESTALE, false, false, false, "ExpiredIteratorException"},
    {400, "{\"__type\":\"New\"}", EINVAL, false, false, false, "New"},
    {500, "{\"__type\":\"InternalFailure\"}", EHOSTUNREACH, true, false, true, "InternalFailure"},
    {503, "<html>", EHOSTUNREACH, true, false, true, ""},
    {502, "", EHOSTUNREACH, true, false, true, ""},
    {429, "", EAGAIN, true, true, false, ""},
    {403, "<AccessDeniedException/>", EACCES, false, false, false, ""},
    {404, "nginx", EHOSTUNREACH, true, false, false, ""},
    {413, "", EMSGSIZE, false, false, false, ""},
    {200, "not JSON", EHOSTUNREACH, true, false, true, ""},
    {200, "[]", EHOSTUNREACH, true, false, true, ""},
    {200, "{\"a\":", EHOSTUNREACH, true, false, true, ""},
};

static void refusals_have_their_errno(void **state)
{
    struct world *w = *state;

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

static void no_one_there_is_not_reached(void **state)
{
    struct world *w = *state;
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

    ((struct world *)*state)->deadline_ms = 300;
    call_with(*state, &call, (struct stand_answer){.status = -1});
    assert_int_equal(call.rc, -ETIMEDOUT);
    assert_true(call.error.retryable);
    assert_true(call.reached);
    kfs_call_release(&call);
    call_with(*state, &call, (struct stand_answer){.status = 200, .body = "{\"a\":1}", .drip = 1});
    assert_int_equal(call.rc, -ETIMEDOUT);
    kfs_call_release(&call);
}

static void an_answer_has_a_limit(void **state)
{
    struct world *w = *state;
    struct stand_answer answer = {.when = "POST", .status = 200, .zeros = 1001};
    struct kfs_call call;

    stand_script(&w->stand, &answer, 1);
    connect_to(w, w->stand.url);
    prepare(&call, "GetRecords", "{}");
    call.response_max = 1000;
    assert_int_equal(kfs_call_wait(w->client, &call), -EHOSTUNREACH);
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

    while (stand_count(&((struct world *)both[0])->stand) == 0)
        usleep(1000);
    kfs_call_cancel(((struct world *)both[0])->client, both[1]);
    return NULL;
}

static void a_waiting_call_can_be_canceled(void **state)
{
    struct world *w = *state;
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

static atomic_int good_ends;

static void count_good_end(struct kfs_call *call)
{
    good_ends += call->rc == 0 ? 1 : 0;
    kfs_call_release(call);
}

static void freeing_the_client_ends_its_calls(void **state)
{
    struct world *w = *state;
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

/* ---- credentials and the clock ---- */

static void a_skewed_clock_is_corrected_once(void **state)
{
    struct world *w = *state;
    struct stand_answer answers[] = {{.when = "POST",
                                      .has = "20150830T123600Z",
                                      .status = 400,
                                      .body = "{\"__type\":\"InvalidSignatureException\"}"},
                                     {.when = "POST", .status = 200, .body = "{}"}};
    uint64_t now_s = kfs_system_clock.wall_ms(NULL) / 1000;
    struct kfs_client_stats stats;
    struct kfs_call call;

    stand_script(&w->stand, answers, 2);
    connect_to(w, w->stand.url);
    prepare(&call, "ListStreams", "{}");
    assert_int_equal(kfs_call_wait(w->client, &call), 0);
    assert_int_equal(stand_count(&w->stand), 2);
    assert_int_equal(kfs_call_wait(w->client, &call), 0);
    assert_int_equal(stand_count(&w->stand), 3); /* it stays corrected */
    kfs_client_stats(w->client, &stats);
    assert_int_equal(stats.resent, 1);
    assert_true(llabs(stats.skew_ms / 1000 - ((int64_t)now_s - (int64_t)(VECTOR_MS / 1000))) < 60);
    kfs_call_release(&call);
}

static void a_wrong_secret_is_not_taken_for_a_wrong_clock(void **state)
{
    struct world *w = *state;
    struct kfs_call call;

    w->wall_ms = kfs_system_clock.wall_ms(NULL);
    call_with(w, &call, (struct stand_answer){.status = 400, .body = "{\"__type\":\"InvalidSignatureException\"}"});
    assert_int_equal(call.rc, -EACCES);
    assert_int_equal(stand_count(&w->stand), 1);
    kfs_call_release(&call);
}

static void expired_credentials_are_replaced(void **state)
{
    struct world *w = *state;
    struct stand_answer answers[] = {
        {.when = "POST", .has = "AKIDEXAMPLE", .status = 400, .body = "{\"__type\":\"ExpiredTokenException\"}"},
        {.when = "POST", .has = "AKIDOTHER", .status = 200, .body = "{}"}};
    struct kfs_call call;

    w->next_id = "AKIDOTHER";
    stand_script(&w->stand, answers, 2);
    connect_to(w, w->stand.url);
    prepare(&call, "ListStreams", "{}");
    assert_int_equal(kfs_call_wait(w->client, &call), 0);
    assert_int_equal(w->refusals, 1);
    kfs_call_release(&call);
}

static void expired_credentials_without_others_are_an_error(void **state)
{
    struct world *w = *state;
    struct kfs_call call;

    call_with(w, &call, (struct stand_answer){.status = 400, .body = "{\"__type\":\"ExpiredTokenException\"}"});
    assert_int_equal(call.rc, -EACCES);
    assert_true(call.error.retryable);
    assert_int_equal(w->refusals, 1);
    assert_int_equal(stand_count(&w->stand), 1);
    kfs_call_release(&call);
}

static void *bring_credentials(void *arg)
{
    struct world *w = arg;

    usleep(50000);
    w->get_rc = 0;
    w->changed(w->changed_arg);
    return NULL;
}

static void a_call_waits_for_credentials(void **state)
{
    struct world *w = *state;
    struct stand_answer answer = {.when = "POST", .status = 200};
    pthread_t thread;
    struct kfs_call call;

    w->get_rc = -EAGAIN;
    stand_script(&w->stand, &answer, 1);
    connect_to(w, w->stand.url);
    prepare(&call, "ListStreams", "{}");
    call.deadline_ms = 100;
    assert_int_equal(kfs_call_wait(w->client, &call), -ETIMEDOUT);
    call.deadline_ms = 10000;
    assert_int_equal(pthread_create(&thread, NULL, bring_credentials, w), 0);
    assert_int_equal(kfs_call_wait(w->client, &call), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    w->get_rc = -EACCES;
    assert_int_equal(kfs_call_wait(w->client, &call), -EACCES);
    assert_string_equal(call.error.text, "no credentials are to be had");
    assert_true(call.error.retryable);
    assert_int_equal(stand_count(&w->stand), 1);
    kfs_call_release(&call);
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
static int stream(struct world *w, const struct kfs_buf *buf, struct kfs_call *call)
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
    struct world *w = *state;
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
    struct world *w = *state;
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

/* ---- our own endpoint ---- */

static void our_own_endpoint_accepts_the_signature(void **state)
{
    static const char keys_text[] = "AKIDEXAMPLE " VECTOR_SECRET "\nASIDEXAMPLE " VECTOR_SECRET " TOKEN==\n";
    struct world *w = *state;
    struct api_world *api = NULL;
    struct kfs_keys *keys;
    struct kfs_api_server *server;
    struct kfs_api_server_config config = {.address = "127.0.0.1", .threads = 1};
    char url[64];
    struct kfs_call call;

    assert_int_equal(api_world_setup((void **)&api), 0);
    api_world_close(api);
    assert_int_equal(kfs_keys_parse("keys", (struct kfs_bytes){keys_text, sizeof keys_text - 1}, &keys, NULL), 0);
    api->config.keys = keys;
    api_world_open(api);
    config.api = api->api;
    assert_int_equal(kfs_api_server_start(&config, &server, NULL), 0);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)kfs_api_server_port(server));
    w->wall_ms = API_WORLD_START_MS;
    connect_to(w, url);
    prepare(&call, "CreateStream", "{\"StreamName\":\"s\",\"ShardCount\":2}");
    assert_int_equal(kfs_call_wait(w->client, &call), 0);
    kfs_call_release(&call);
    w->id = "ASIDEXAMPLE";
    w->token = "TOKEN==";
    prepare(&call, "ListShards", "{\"StreamName\":\"s\"}");
    assert_int_equal(kfs_call_wait(w->client, &call), 0);
    assert_int_equal(kfs_value_get(&call.value, "Shards")->n, 2);
    w->token = "OTHER";
    assert_int_equal(kfs_call_wait(w->client, &call), -EACCES);
    kfs_call_release(&call);
    kfs_api_server_stop(server, 100);
    assert_int_equal(api_world_teardown((void **)&api), 0);
    kfs_keys_free(keys);
}

/* ---- TLS ---- */

static void certificates_are_verified(void **state)
{
    struct world *w = *state;
    struct stand_answer answer = {.when = "POST", .status = 200};
    struct kfs_selfsigned files;
    char dir[TEMPDIR_PATH_SIZE];
    struct stand tls;
    struct kfs_call call;

    tempdir_make(dir);
    assert_int_equal(kfs_selfsigned(&kfs_posix_io, dir, "127.0.0.1", &files, NULL), 0);
    stand_start_tls(&tls, files.certificate, files.key);
    stand_script(&tls, &answer, 1);
    prepare(&call, "ListStreams", "{}");
    for (int trusting = 0; trusting < 3; trusting++) {
        w->tls = (struct kfs_tls){trusting == 1 ? files.certificate : NULL, trusting == 2};
        connect_to(w, tls.tls_url);
        assert_int_equal(kfs_call_wait(w->client, &call), trusting > 0 ? 0 : -EACCES);
        if (trusting == 0)
            assert_non_null(strstr(call.error.text, "certificate"));
        kfs_client_free(w->client);
        w->client = NULL;
    }
    w->tls = (struct kfs_tls){"/nothing", false};
    connect_to(w, tls.tls_url);
    assert_int_equal(kfs_call_wait(w->client, &call), -EACCES);
    assert_false(call.reached);
    assert_int_equal(stand_count(&tls), 2);
    kfs_call_release(&call);
    stand_stop(&tls);
    tempdir_remove(dir);
}

#define MANY 40

static void many_calls_share_a_connection(void **state)
{
    struct world *w = *state;
    struct stand_answer answer = {.when = "POST", .has = "(HTTP 2)", .status = 200};
    struct kfs_selfsigned files;
    char dir[TEMPDIR_PATH_SIZE];
    struct kfs_http_stats stats;
    struct stand tls;
    struct kfs_call calls[MANY];

    tempdir_make(dir);
    assert_int_equal(kfs_selfsigned(&kfs_posix_io, dir, "127.0.0.1", &files, NULL), 0);
    stand_start_tls(&tls, files.certificate, files.key);
    stand_script(&tls, &answer, 1);
    w->tls.ca_bundle = files.certificate;
    connect_to(w, tls.tls_url);
    good_ends = 0;
    for (size_t i = 0; i < MANY; i++) {
        prepare(&calls[i], "ListStreams", "{}");
        calls[i].done = count_good_end;
        kfs_call_start(w->client, &calls[i]);
    }
    for (int ms = 0; good_ends < MANY && ms < 10000; ms++)
        usleep(1000);
    assert_int_equal(good_ends, MANY);
    kfs_http_stats(tls.server, &stats);
    assert_int_equal(stats.accepted, 1);
    kfs_client_free(w->client);
    w->client = NULL;
    stand_stop(&tls);
    tempdir_remove(dir);
}

static void what_is_no_endpoint_is_refused(void **state)
{
    struct world *w = *state;
    struct kfs_client_config config = {
        .loop = w->loop, .clock = &w->clock, .region = "r", .credentials = {w, get, refused, watch}};
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_answer_is_decoded),
        TEST(signatures_are_those_of_the_vectors),
        TEST(refusals_have_their_errno),
        TEST(what_the_endpoint_asks_to_wait_is_told),
        TEST(a_cut_is_retryable_and_may_have_been_carried_out),
        TEST(no_one_there_is_not_reached),
        TEST(a_call_ends_at_its_deadline),
        TEST(an_answer_has_a_limit),
        TEST(a_waiting_call_can_be_canceled),
        TEST(freeing_the_client_ends_its_calls),
        TEST(a_skewed_clock_is_corrected_once),
        TEST(a_wrong_secret_is_not_taken_for_a_wrong_clock),
        TEST(expired_credentials_are_replaced),
        TEST(expired_credentials_without_others_are_an_error),
        TEST(a_call_waits_for_credentials),
        TEST(events_of_a_stream_come_one_by_one),
        TEST(a_stream_can_end_with_an_error),
        TEST(our_own_endpoint_accepts_the_signature),
        TEST(certificates_are_verified),
        TEST(many_calls_share_a_connection),
        TEST(what_is_no_endpoint_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
