/* Whom a client trusts and who trusts it: signatures, the clock, credentials that expire, certificates. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/endpoint/keys.h"
#include "backend/endpoint/selfsigned.h"
#include "backend/endpoint/server.h"
#include "tests/support/apiworld.h"
#include "tests/support/clientworld.h"
#include "tests/support/tempdir.h"

/* The vectors of botocore; by way of a proxy, so that the host is the service's. */
static void signatures_are_those_of_the_vectors(void **state)
{
    struct client_world *w = *state;
    struct stand_answer answer = {.when = "POST /", .status = 200};
    struct kfs_call call;

    assert_int_equal(setenv("HTTP_PROXY", w->stand.url, 1), 0);
    connect_to(w, "http://kinesis.us-east-1.amazonaws.com");
    stand_script(&w->stand, &answer, 1);
    prepare(&call, "ListStreams", "{}");
    assert_int_equal(kfs_call_wait(w->client, &call), 0);
    stand_expect(&w->stand, 0, "\nhost: kinesis.us-east-1.amazonaws.com\n");
    stand_expect(&w->stand, 0, "\nx-amz-date: 20150830T123600Z\n");
    stand_expect(&w->stand, 0, "SignedHeaders=content-type;host;x-amz-date;x-amz-target,");
    stand_expect(&w->stand, 0, "Signature=925c3db40b08420ca61dca918aba19ba7d01dc399bc06ce06a1168284ed8172b\n");
    assert_int_equal(setenv("http_proxy", w->stand.url, 1), 0); /* before the other */
    assert_int_equal(setenv("HTTP_PROXY", "http://127.0.0.1:1", 1), 0);
    w->token = "SESSIONTOKENEXAMPLE==";
    assert_int_equal(kfs_call_wait(w->client, &call), 0);
    stand_expect(&w->stand, 1, "\nx-amz-security-token: SESSIONTOKENEXAMPLE==\n");
    stand_expect(&w->stand, 1, "Signature=a7647f2104cee42a70be2133f4f8bfc7c74880b8776f3de7c540dcc497fac63e\n");
    kfs_call_release(&call);
}

/* As urllib3's, by botocore: ALL_PROXY is none, one that is empty neither, and NO_PROXY may name a port. */
static void proxies_are_those_of_aws_tools(void **state)
{
    struct client_world *w = *state;
    struct stand_answer answer = {.when = "POST /", .status = 200};
    struct kfs_call call;

    connect_to(w, w->stand.url);
    stand_script(&w->stand, &answer, 1);
    prepare(&call, "ListStreams", "{}");
    assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
    assert_int_equal(kfs_call_wait(w->client, &call), 0);
    assert_int_equal(setenv("HTTP_PROXY", "http://127.0.0.1:1", 1), 0);
    assert_int_equal(kfs_call_wait(w->client, &call), -EHOSTUNREACH);
    assert_int_equal(setenv("NO_PROXY", "127.0.0.1:1", 1), 0);
    assert_int_equal(kfs_call_wait(w->client, &call), -EHOSTUNREACH);
    char except[64];
    (void)snprintf(except, sizeof except, "localhost, %s", w->stand.url + strlen("http://"));
    assert_int_equal(setenv("NO_PROXY", except, 1), 0);
    assert_int_equal(kfs_call_wait(w->client, &call), 0);
    assert_int_equal(unsetenv("NO_PROXY"), 0);
    assert_int_equal(setenv("http_proxy", "", 1), 0);
    assert_int_equal(kfs_call_wait(w->client, &call), 0);
    kfs_call_release(&call);
}

/* ---- credentials and the clock ---- */

static void a_skewed_clock_is_corrected_once(void **state)
{
    struct client_world *w = *state;
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
    struct client_world *w = *state;
    struct kfs_call call;

    w->wall_ms = kfs_system_clock.wall_ms(NULL);
    call_with(w, &call, (struct stand_answer){.status = 400, .body = "{\"__type\":\"InvalidSignatureException\"}"});
    assert_int_equal(call.rc, -EACCES);
    assert_int_equal(stand_count(&w->stand), 1);
    kfs_call_release(&call);
}

static void expired_credentials_are_replaced(void **state)
{
    struct client_world *w = *state;
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
    struct client_world *w = *state;
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
    struct client_world *w = arg;

    usleep(50000);
    w->get_rc = 0;
    w->changed(w->changed_arg);
    return NULL;
}

static void a_call_waits_for_credentials(void **state)
{
    struct client_world *w = *state;
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

static atomic_int good_ends;

static void count_good_end(struct kfs_call *call)
{
    good_ends += call->rc == 0 ? 1 : 0;
    kfs_call_release(call);
}

/* ---- our own endpoint ---- */

static void our_own_endpoint_accepts_the_signature(void **state)
{
    static const char keys_text[] = "AKIDEXAMPLE " VECTOR_SECRET "\nASIDEXAMPLE " VECTOR_SECRET " TOKEN==\n";
    struct client_world *w = *state;
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
    struct client_world *w = *state;
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
        w->tls = (struct kfs_tls){trusting == 1 ? files.certificate : NULL, trusting == 2, trusting == 2};
        connect_to(w, tls.tls_url);
        assert_int_equal(kfs_call_wait(w->client, &call), trusting > 0 ? 0 : -EACCES);
        if (trusting == 0)
            assert_non_null(strstr(call.error.text, "certificate"));
        kfs_client_free(w->client);
        w->client = NULL;
    }
    w->tls = (struct kfs_tls){.ca_bundle = "/nothing"};
    connect_to(w, tls.tls_url);
    assert_int_equal(kfs_call_wait(w->client, &call), -EACCES);
    assert_non_null(strstr(call.error.text, "ca_bundle"));
    assert_false(call.reached);
    assert_int_equal(stand_count(&tls), 2);
    stand_expect(&tls, 0, "(HTTP 2)");
    stand_expect(&tls, 1, "(HTTP 1)"); /* by http1 */
    kfs_call_release(&call);
    stand_stop(&tls);
    tempdir_remove(dir);
}

#define MANY 40

static void many_calls_share_a_connection(void **state)
{
    struct client_world *w = *state;
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

/* HTTP/2 would send all that comes after over the same one. */
static void a_connection_that_is_silent_is_not_used_again(void **state)
{
    struct client_world *w = *state;
    const struct stand_answer answers[] = {{.when = "POST", .has = "(HTTP 2)", .times = 1, .status = 200},
                                           {.when = "POST", .times = 1, .status = -1},
                                           {.when = "POST", .status = 200}};
    struct kfs_selfsigned files;
    char dir[TEMPDIR_PATH_SIZE];
    struct kfs_http_stats stats;
    struct stand tls;
    struct kfs_call call;

    tempdir_make(dir);
    assert_int_equal(kfs_selfsigned(&kfs_posix_io, dir, "127.0.0.1", &files, NULL), 0);
    stand_start_tls(&tls, files.certificate, files.key);
    stand_script(&tls, answers, 3);
    w->tls.ca_bundle = files.certificate;
    connect_to(w, tls.tls_url);
    prepare(&call, "ListStreams", "{}");
    call.idle_ms = 2000;
    assert_int_equal(kfs_call_wait(w->client, &call), 0);
    assert_int_equal(kfs_call_wait(w->client, &call), -ETIMEDOUT);
    kfs_http_stats(tls.server, &stats);
    assert_int_equal(stats.accepted, 1);
    assert_int_equal(kfs_call_wait(w->client, &call), 0);
    kfs_http_stats(tls.server, &stats);
    assert_int_equal(stats.accepted, 2);
    kfs_call_release(&call);
    kfs_client_free(w->client);
    w->client = NULL;
    stand_stop(&tls);
    tempdir_remove(dir);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, client_world_setup, client_world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(signatures_are_those_of_the_vectors),
        TEST(proxies_are_those_of_aws_tools),
        TEST(a_skewed_clock_is_corrected_once),
        TEST(a_wrong_secret_is_not_taken_for_a_wrong_clock),
        TEST(expired_credentials_are_replaced),
        TEST(expired_credentials_without_others_are_an_error),
        TEST(a_call_waits_for_credentials),
        TEST(our_own_endpoint_accepts_the_signature),
        TEST(certificates_are_verified),
        TEST(many_calls_share_a_connection),
        TEST(a_connection_that_is_silent_is_not_used_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
