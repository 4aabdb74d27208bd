/* The service's order of checks, and what errors look like. */
#include <stdio.h>
#include <string.h>

#include "tests/support/apiworld.h"

#define AUTH                                                                                                           \
    "host: h\nx-amz-date: 20231114T221320Z\nauthorization: AWS4-HMAC-SHA256 "                                          \
    "Credential=AK/20231114/eu-west-1/kinesis/aws4_request, SignedHeaders=host;x-amz-date, Signature=0\n"
#define JSON "content-type: application/x-amz-json-1.1\n"
#define LIST "x-amz-target: Kinesis_20131202.ListStreams\n"

static struct kfs_bytes bytes(const char *text)
{
    return (struct kfs_bytes){text, strlen(text)};
}

static void assert_body(struct api_world *w, int status, const char *body)
{
    assert_int_equal(w->reply.status, status);
    assert_int_equal(w->reply.body.len, strlen(body));
    assert_memory_equal(w->reply.body.data, body, strlen(body));
}

static const struct kfs_bytes *header(struct api_world *w, const char *name)
{
    for (size_t i = 0; i < w->reply.n_headers; i++)
        if (w->reply.headers[i].name.len == strlen(name) &&
            memcmp(w->reply.headers[i].name.data, name, strlen(name)) == 0)
            return &w->reply.headers[i].value;
    return NULL;
}

static void what_is_no_request_of_the_service(void **state)
{
    static const char denied[] = "<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be "
                                 "authorized</Message>\n</AccessDeniedException>\n";
    struct api_world *w = *state;

    (void)api_world_send(w, "GET", "/", NULL, bytes(""));
    assert_body(w, 403, denied);
    (void)api_world_send(w, "POST", "/", "content-type: text/plain", bytes("x"));
    assert_body(w, 403, denied);
    (void)api_world_send(w, "POST", "/", "content-type: text/plain\n" LIST, bytes("x"));
    assert_body(w, 404, "<UnknownOperationException/>\n");
    (void)api_world_send(w, "POST", "/", JSON LIST, bytes(""));
    assert_body(w, 400, "{\"__type\":\"SerializationException\"}");
    (void)api_world_send(w, "POST", "/", JSON, bytes(""));
    assert_body(w, 400, "{\"__type\":\"UnknownOperationException\"}");
    (void)api_world_send(w, "POST", "/", "content-type: application/json\n" LIST, bytes(""));
    assert_body(w, 400, "\xbf\x66__type\x76SerializationException\xff");
    (void)api_world_send(w, "POST", "/", "content-type: text/plain\nx-amz-target: Kinesis_20131202.\n", bytes("x"));
    assert_body(w, 403, denied);
    (void)api_world_send(w, "GET", "/_health", NULL, bytes(""));
    assert_int_equal(w->reply.status, 200);
}

static void bodies_that_cannot_be_read(void **state)
{
    static const char *const bad[] = {"x", "[]", "1", "{\"a\":}", "{} x", "\xff"};
    struct api_world *w = *state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)api_world_send(w, "POST", "/", JSON LIST, bytes(bad[i]));
        assert_body(w, 400, "{\"__type\":\"SerializationException\"}");
        (void)api_world_send(w, "POST", "/", "content-type: application/json\n" LIST, bytes(bad[i]));
        assert_body(
            w, 400,
            "{\"Output\":{\"__type\":\"com.amazon.coral.service#SerializationException\"},\"Version\":\"1.0\"}");
    }
    (void)api_world_send(w, "POST", "/", "content-type: application/json\n" LIST, bytes("{}"));
    assert_body(w, 404,
                "{\"Output\":{\"__type\":\"com.amazon.coral.service#UnknownOperationException\"},\"Version\":\"1.0\"}");
}

static void unknown_operations(void **state)
{
    static const char *const targets[] = {"",
                                          "x-amz-target: Kinesis_20131202.\n",
                                          "x-amz-target: Kinesis_20131202.List\n",
                                          "x-amz-target: Kinesis_20131202.ListStreamsX\n",
                                          "x-amz-target: Kinesis_20131203.ListStreams\n",
                                          "x-amz-target: Kinesis_20131202.CreateChannel\n"};
    struct api_world *w = *state;
    char headers[256];

    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        (void)snprintf(headers, sizeof headers, JSON "%s", targets[i]);
        (void)api_world_send(w, "POST", "/", headers, bytes("{}"));
        assert_body(w, 400, "{\"__type\":\"UnknownOperationException\"}");
    }
}

static void who_asks_is_looked_at_before_what(void **state)
{
    struct api_world *w = *state;

    (void)api_world_send(w, "POST", "/", JSON LIST, bytes("{\"Limit\":\"x\"}"));
    assert_refused(w, "MissingAuthenticationTokenException", "Missing Authentication Token");
    (void)api_world_send(w, "POST", "/?X-Amz-Algorithm=x", JSON LIST AUTH, bytes("{}"));
    assert_refused(w, "InvalidSignatureException",
                   "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.");
    (void)api_world_send(w, "POST", "/", JSON LIST "authorization: AWS4-HMAC-SHA256 a", bytes("{}"));
    assert_refused(w, "IncompleteSignatureException", NULL);
    (void)api_world_send(w, "POST", "/", JSON LIST AUTH, bytes("{\"Limit\":\"x\"}"));
    assert_refused(w, "SerializationException", "class java.lang.String can not be converted to an Integer");
    (void)api_world_send(w, "POST", "/", JSON LIST AUTH, bytes("{\"Limit\":0}"));
    assert_refused(w, "ValidationException",
                   "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have "
                   "value greater than or equal to 1");
    (void)api_world_send(w, "POST", "/", JSON LIST AUTH, bytes("{\"Unknown\":1,\"Limit\":null}"));
    assert_int_equal(w->reply.status, 200);
}

static void errors_are_in_the_language_of_the_request(void **state)
{
    static const char expected[] = "\xbf\x66__type\x76SerializationException\xff";
    struct api_world *w = *state;

    (void)api_world_send(w, "POST", "/", "content-type: application/x-amz-cbor-1.1\n" LIST, bytes("\xff"));
    assert_body(w, 400, expected);
    assert_int_equal(header(w, "content-type")->len, strlen("application/x-amz-cbor-1.1"));
}

static void every_answer_has_ids(void **state)
{
    struct api_world *w = *state;
    char first[36];

    (void)api_world_send(w, "POST", "/", JSON LIST AUTH "origin: http://x\n", bytes("{}"));
    assert_int_equal(header(w, "x-amzn-requestid")->len, 36);
    assert_int_equal(header(w, "x-amz-id-2")->len, 96);
    assert_memory_equal(header(w, "access-control-allow-origin")->data, "*", 1);
    memcpy(first, header(w, "x-amzn-requestid")->data, sizeof first);
    (void)api_world_send(w, "POST", "/", JSON, bytes("{}"));
    assert_memory_not_equal(header(w, "x-amzn-requestid")->data, first, sizeof first);
    assert_null(header(w, "access-control-allow-origin"));
}

static void browsers_may_ask_first(void **state)
{
    struct api_world *w = *state;

    (void)api_world_send(w, "OPTIONS", "/", "origin: http://x\naccess-control-request-headers: a,b\n", bytes(""));
    assert_body(w, 200, "");
    assert_memory_equal(header(w, "access-control-allow-headers")->data, "a,b", 3);
    assert_memory_equal(header(w, "access-control-max-age")->data, "172800", 6);
    assert_null(header(w, "x-amz-id-2"));
    (void)api_world_send(w, "OPTIONS", "/", NULL, bytes(""));
    assert_int_equal(w->reply.status, 403);
}

static void nothing_is_answered_with_nothing(void **state)
{
    struct api_world *w = *state;

    done(w, "CreateStream", "{'StreamName':'s','ShardCount':1}");
    assert_int_equal(w->reply.body.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_no_request_of_the_service, api_world_setup, api_world_teardown),
        cmocka_unit_test_setup_teardown(bodies_that_cannot_be_read, api_world_setup, api_world_teardown),
        cmocka_unit_test_setup_teardown(unknown_operations, api_world_setup, api_world_teardown),
        cmocka_unit_test_setup_teardown(who_asks_is_looked_at_before_what, api_world_setup, api_world_teardown),
        cmocka_unit_test_setup_teardown(errors_are_in_the_language_of_the_request, api_world_setup, api_world_teardown),
        cmocka_unit_test_setup_teardown(every_answer_has_ids, api_world_setup, api_world_teardown),
        cmocka_unit_test_setup_teardown(browsers_may_ask_first, api_world_setup, api_world_teardown),
        cmocka_unit_test_setup_teardown(nothing_is_answered_with_nothing, api_world_setup, api_world_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
