#include "backend/endpoint/sigv4.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/base/crypto.h"

#define NOW_MS UINT64_C(1440938160000) /* 2015-08-30T12:36:00Z */
#define HEADERS_MAX 10
#define KEY_ID "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define SIGNED "content-type;host;x-amz-date;x-amz-target"
#define SIGNED_TOKEN "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"

static struct kfs_keys *keys;

/* A request under construction; header texts are the caller's. */
struct attempt {
    struct kfs_http_header headers[HEADERS_MAX];
    struct kfs_http_request request;
    struct kfs_buf authorization;
    struct kfs_buf text;
    struct kfs_identity identity;
    const char *type;
};

static struct kfs_bytes bytes_of(const char *text)
{
    return (struct kfs_bytes){text, strlen(text)};
}

static int setup(void **state)
{
    static const char text[] = KEY_ID " " SECRET "\nASIATOKEN " SECRET " SESSIONTOKENEXAMPLE==\n123456789012 s3cret\n";

    (void)state;
    return kfs_keys_parse("keys", bytes_of(text), &keys, NULL);
}

static int teardown(void **state)
{
    (void)state;
    kfs_keys_free(keys);
    return 0;
}

static void add_header(struct attempt *a, const char *name, const char *value)
{
    assert_true(a->request.n_headers < HEADERS_MAX);
    a->headers[a->request.n_headers++] = (struct kfs_http_header){bytes_of(name), bytes_of(value)};
}

static void begin(struct attempt *a, const char *host)
{
    memset(a, 0, sizeof *a);
    a->request = (struct kfs_http_request){.method = bytes_of("POST"), .target = bytes_of("/"), .body = bytes_of("{}")};
    a->request.headers = a->headers;
    kfs_buf_init(&a->authorization, 4096);
    kfs_buf_init(&a->text, KFS_SIGV4_TEXT_MAX);
    add_header(a, "content-type", "application/x-amz-json-1.1");
    add_header(a, host, "kinesis.us-east-1.amazonaws.com");
    add_header(a, "x-amz-date", "20150830T123600Z");
    add_header(a, "x-amz-target", "Kinesis_20131202.ListStreams");
}

static void end(struct attempt *a)
{
    kfs_buf_release(&a->authorization);
    kfs_buf_release(&a->text);
}

static const struct kfs_sigv4_scope *scope(void)
{
    static const struct kfs_sigv4_scope scope = {
        {"20150830T123600Z", 16}, {"20150830", 8}, {"us-east-1", 9}, {"kinesis", 7}};

    return &scope;
}

static void sign(struct attempt *a, const char *key_id, const char *signed_headers)
{
    const struct kfs_key key = {bytes_of(key_id), bytes_of(SECRET), {NULL, 0}};

    assert_int_equal(kfs_sigv4_sign(&key, scope(), &a->request, bytes_of(signed_headers), &a->authorization), 0);
    assert_int_equal(kfs_buf_append(&a->authorization, "", 1), 0);
    add_header(a, "authorization", a->authorization.data);
}

static int verify(struct attempt *a, const struct kfs_keys *known, uint64_t now_ms)
{
    a->text.len = 0;
    int rc = kfs_sigv4_verify(known, &a->request, now_ms, &a->identity, &a->type, &a->text);
    assert_int_equal(kfs_buf_append(&a->text, "", 1), 0);
    return rc;
}

static void assert_refused(struct attempt *a, const char *type, const char *text)
{
    assert_string_equal(a->text.data, text);
    assert_string_equal(a->type, type);
}

static void assert_canonical(struct attempt *a, const char *signed_headers, const char *sha256)
{
    uint8_t digest[KFS_SHA256_BYTES];
    char hex[KFS_SIGV4_HEX + 1];
    struct kfs_buf text;

    kfs_buf_init(&text, 4096);
    assert_int_equal(kfs_sigv4_canonical(&a->request, bytes_of(signed_headers), &text), 0);
    kfs_sha256(&(struct kfs_bytes){text.data, text.len}, 1, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", (unsigned)digest[i]);
    assert_string_equal(hex, sha256);
    kfs_buf_release(&text);
}

/* Computed with botocore, and again with HMAC alone. */
static void golden_vectors(void **state)
{
    struct attempt a;

    (void)state;
    begin(&a, "host");
    assert_canonical(&a, SIGNED, "717ab1e387954c7c2389d298b9badb81ce21bfa187e911c1f24ac6f58999bf06");
    sign(&a, KEY_ID, SIGNED);
    assert_string_equal(a.authorization.data,
                        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/kinesis/aws4_request, "
                        "SignedHeaders=" SIGNED ", "
                        "Signature=925c3db40b08420ca61dca918aba19ba7d01dc399bc06ce06a1168284ed8172b");
    assert_int_equal(verify(&a, keys, NOW_MS), 0);
    assert_string_equal(a.identity.access_key_id, KEY_ID);
    assert_string_equal(a.identity.region, "us-east-1");
    assert_string_equal(a.identity.account, "");
    end(&a);

    begin(&a, "host");
    add_header(&a, "x-amz-security-token", "SESSIONTOKENEXAMPLE==");
    assert_canonical(&a, SIGNED_TOKEN, "cc9e098a57247c11486c3890fb85f92b4b3ee13a922ffe691b0b4aed77549700");
    sign(&a, "ASIATOKEN", SIGNED_TOKEN);
    assert_non_null(
        strstr(a.authorization.data, "Signature=a7647f2104cee42a70be2133f4f8bfc7c74880b8776f3de7c540dcc497fac63e"));
    assert_int_equal(verify(&a, keys, NOW_MS), 0);
    end(&a);
}

/* What AWS's documentation of the process has as examples: blanks, many values, the query, the path. */
static void canonical_form(void **state)
{
    struct attempt a;
    struct kfs_buf text;

    (void)state;
    begin(&a, "host");
    a.request.method = bytes_of("GET");
    a.request.body = (struct kfs_bytes){NULL, 0};
    a.request.target = bytes_of("/a%20b/~c?b=2&a=x%2fy+z&a=%7e&b&X-Amz-Signature=00&Action=L%20i");
    add_header(&a, "my-header1", "  a   b \t c  ");
    add_header(&a, "my-header1", "d");
    kfs_buf_init(&text, 4096);
    assert_int_equal(kfs_sigv4_canonical(&a.request, bytes_of("host;my-header1;none"), &text), 0);
    assert_int_equal(kfs_buf_append(&text, "", 1), 0);
    assert_string_equal(text.data, "GET\n/a%2520b/~c\nAction=L%20i&a=x%2Fy%2Bz&a=~&b=&b=2\n"
                                   "host:kinesis.us-east-1.amazonaws.com\nmy-header1:a b c,d\nnone:\n\n"
                                   "host;my-header1;none\n"
                                   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    kfs_buf_release(&text);
    end(&a);
}

/* HTTP/2 clients sign :authority, or host and send :authority. */
static void authority_stands_for_host(void **state)
{
    static const char *const sent[] = {"host", ":authority", ":authority", "host"};
    static const char *const names[] = {":authority;x-amz-date;x-amz-target", ":authority;x-amz-date;x-amz-target",
                                        "host;x-amz-date;x-amz-target", "host;x-amz-date;x-amz-target"};
    struct attempt a;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        begin(&a, sent[i]);
        sign(&a, KEY_ID, names[i]);
        assert_int_equal(verify(&a, keys, NOW_MS), 0);
        a.headers[1].value = bytes_of("kinesis.us-east-2.amazonaws.com");
        assert_int_equal(verify(&a, keys, NOW_MS), -EACCES);
        end(&a);
    }
}

static void every_change_is_found(void **state)
{
    struct attempt a;

    (void)state;
    for (int change = 0; change < 7; change++) {
        begin(&a, "host");
        sign(&a, KEY_ID, SIGNED);
        switch (change) {
        case 0:
            a.request.body = bytes_of("{ }");
            break;
        case 1:
            a.request.method = bytes_of("PUT");
            break;
        case 2:
            a.request.target = bytes_of("/x");
            break;
        case 3:
            a.request.target = bytes_of("/?x=y");
            break;
        case 4:
            a.headers[3].value = bytes_of("Kinesis_20131202.DeleteStream");
            break;
        case 5:
            a.headers[2].value = bytes_of("20150830T123601Z");
            break;
        default: {
            char *last = strstr(a.authorization.data, "Signature=") + 10 + 63;
            *last = *last == '0' ? '1' : '0';
        }
        }
        assert_int_equal(verify(&a, keys, NOW_MS), -EACCES);
        assert_refused(&a, "InvalidSignatureException",
                       "The request signature we calculated does not match the signature you provided. Check your AWS "
                       "Secret Access Key and signing method. Consult the service documentation for details.");
        end(&a);
    }
}

static void unknown_keys_and_tokens(void **state)
{
    static const char invalid[] = "The security token included in the request is invalid.";
    struct attempt a;

    (void)state;
    begin(&a, "host");
    sign(&a, "AKIDEXAMPL", SIGNED);
    assert_int_equal(verify(&a, keys, NOW_MS), -EACCES);
    assert_refused(&a, "UnrecognizedClientException", invalid);
    end(&a);

    begin(&a, "host"); /* a token where none belongs */
    add_header(&a, "x-amz-security-token", "x");
    sign(&a, KEY_ID, SIGNED_TOKEN);
    assert_int_equal(verify(&a, keys, NOW_MS), -EACCES);
    assert_refused(&a, "UnrecognizedClientException", invalid);
    end(&a);

    begin(&a, "host"); /* another token, of one length */
    add_header(&a, "x-amz-security-token", "SESSIONTOKENEXAMPLE=!");
    sign(&a, "ASIATOKEN", SIGNED_TOKEN);
    assert_int_equal(verify(&a, keys, NOW_MS), -EACCES);
    assert_refused(&a, "UnrecognizedClientException", invalid);
    end(&a);
}

static void clocks_may_differ_by_five_minutes(void **state)
{
    struct attempt a;

    (void)state;
    begin(&a, "host");
    sign(&a, KEY_ID, SIGNED);
    assert_int_equal(verify(&a, keys, NOW_MS + 300000), 0);
    assert_int_equal(verify(&a, keys, NOW_MS - 300000), 0);
    assert_int_equal(verify(&a, keys, NOW_MS + 301000), -EACCES);
    assert_refused(&a, "InvalidSignatureException",
                   "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z "
                   "(20150830T124101Z - 5 min.)");
    assert_int_equal(verify(&a, keys, NOW_MS - 301000), -EACCES);
    assert_refused(&a, "InvalidSignatureException",
                   "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z "
                   "(20150830T123059Z + 5 min.)");
    assert_int_equal(verify(&a, NULL, NOW_MS + 86400000), 0); /* without keys it does not matter */
    end(&a);
}

static void the_date_header_will_do(void **state)
{
    struct attempt a;

    (void)state;
    begin(&a, "host");
    a.headers[2] = (struct kfs_http_header){bytes_of("date"), bytes_of("Sun, 30 Aug 2015 12:36:00 GMT")};
    sign(&a, KEY_ID, "content-type;date;host;x-amz-target");
    assert_int_equal(verify(&a, keys, NOW_MS), 0);
    a.headers[2].value = bytes_of("Sun, 30 Ugu 2015 12:36:00 GMT");
    assert_int_equal(verify(&a, keys, NOW_MS), -EACCES);
    assert_string_equal(a.type, "IncompleteSignatureException");
    end(&a);
}

static void what_must_be_signed(void **state)
{
    struct attempt a;

    (void)state;
    begin(&a, "host");
    sign(&a, KEY_ID, "content-type;x-amz-date;x-amz-target");
    assert_int_equal(verify(&a, keys, NOW_MS), -EACCES);
    assert_refused(&a, "InvalidSignatureException",
                   "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
    end(&a);
    begin(&a, "host");
    sign(&a, KEY_ID, "host;x-amz-date");
    assert_int_equal(verify(&a, keys, NOW_MS), -EACCES);
    assert_refused(&a, "InvalidSignatureException",
                   "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization.");
    end(&a);
}

/* The first header's text, and what is said of it, with keys and without. */
static void incomplete_requests(void **state)
{
    static const char *const cases[][4] = {
        {"", "MissingAuthenticationTokenException", "Missing Authentication Token", "/"},
        {"", "IncompleteSignatureException",
         "AWS query-string parameters must include 'X-Amz-Algorithm'. AWS query-string parameters must include "
         "'X-Amz-Credential'. AWS query-string parameters must include 'X-Amz-Signature'. AWS query-string parameters "
         "must include 'X-Amz-SignedHeaders'. AWS query-string parameters must include 'X-Amz-Date'. Re-examine the "
         "query-string parameters.",
         "/?X-Amz-Algorithm"},
        {"a", "InvalidSignatureException",
         "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
         "/?X-Amz-Algorithm=b"},
        {"a", "IncompleteSignatureException",
         "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. "
         "Authorization header requires 'SignedHeaders' parameter. Authorization=a",
         "/"},
        {"AWS4-HMAC-SHA256 Credential=a,SignedHeaders=", "IncompleteSignatureException",
         "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' "
         "parameter. Authorization=AWS4-HMAC-SHA256 Credential=a,SignedHeaders=",
         "/"},
        {"\xff Credential=a Signature=b", "IncompleteSignatureException",
         "Authorization header requires 'SignedHeaders' parameter. Authorization=? Credential=a Signature=b", "/"},
    };
    struct attempt a;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(&a, "host");
        a.request.target = bytes_of(cases[i][3]);
        add_header(&a, "authorization", cases[i][0]);
        assert_int_equal(verify(&a, NULL, NOW_MS), -EACCES);
        assert_refused(&a, cases[i][1], cases[i][2]);
        assert_int_equal(verify(&a, keys, NOW_MS), -EACCES);
        assert_refused(&a, cases[i][1], cases[i][2]);
        end(&a);
    }
    begin(&a, "host");
    a.request.n_headers = 2; /* no date */
    add_header(&a, "authorization", "A Credential=a Signature=b SignedHeaders=c");
    assert_int_equal(verify(&a, NULL, NOW_MS), -EACCES);
    assert_refused(&a, "IncompleteSignatureException",
                   "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
                   "Authorization=A Credential=a Signature=b SignedHeaders=c");
    end(&a);
}

static void wrong_scopes(void **state)
{
    static const char *const cases[][2] = {
        {"AWS4-HMAC-SHA1 Credential=" KEY_ID "/20150830/r/kinesis/aws4_request", "IncompleteSignatureException"},
        {"AWS4-HMAC-SHA256 Credential=20150830/r/kinesis/aws4_request", "IncompleteSignatureException"},
        {"AWS4-HMAC-SHA256 Credential=" KEY_ID "/20150830/r/dynamodb/aws4_request", "InvalidSignatureException"},
        {"AWS4-HMAC-SHA256 Credential=" KEY_ID "/20150830/r/kinesis/aws4", "InvalidSignatureException"},
        {"AWS4-HMAC-SHA256 Credential=" KEY_ID "/20150831/r/kinesis/aws4_request", "InvalidSignatureException"},
        {"AWS4-HMAC-SHA256 Credential=" KEY_ID "/20150830/r/kinesis/aws4_request", "InvalidSignatureException"},
    };
    struct attempt a;
    char header[256];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(&a, "host");
        (void)snprintf(header, sizeof header, "%s, SignedHeaders=" SIGNED ", Signature=00", cases[i][0]);
        add_header(&a, "authorization", header);
        assert_int_equal(verify(&a, keys, NOW_MS), -EACCES);
        assert_string_equal(a.type, cases[i][1]);
        end(&a);
    }
}

/* Credential, key id, region and account that come of it, without keys. */
static void who_it_is_without_keys(void **state)
{
    static const char *const cases[][4] = {
        {"123456789012/20150830/eu-west-1/kinesis/aws4_request", "123456789012", "eu-west-1", "123456789012"},
        {"test/20150830/us-east-1/kinesis/aws4_request", "test", "us-east-1", ""},
        {"a/b/20150830/us-east-1/kinesis/aws4_request", "a/b", "us-east-1", ""},
        {"x/20150830/US;EAST/kinesis/aws4_request", "x", "", ""},
        {"whatever", "whatever", "", ""},
        {"x\ny", "x", "", ""},
    };
    struct attempt a;
    char header[256];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(&a, "host");
        (void)snprintf(header, sizeof header, "AWS4-HMAC-SHA256 Credential=%s, SignedHeaders=a, Signature=b",
                       cases[i][0]);
        add_header(&a, "authorization", header);
        assert_int_equal(verify(&a, NULL, NOW_MS), 0);
        assert_string_equal(a.identity.access_key_id, cases[i][1]);
        assert_string_equal(a.identity.region, cases[i][2]);
        assert_string_equal(a.identity.account, cases[i][3]);
        end(&a);
    }
}

/* The signature is put where the target has a gap for it. */
static void presigned_requests(void **state)
{
    char target[] =
        "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fkinesis%2F"
        "aws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-amz-target"
        "&X-Amz-Signature=................................................................";
    char signature[KFS_SIGV4_HEX + 1];
    struct attempt a;

    (void)state;
    begin(&a, "host");
    a.headers[2] = a.headers[3]; /* the date is in the query */
    a.request.n_headers = 3;
    a.request.target = bytes_of(target);
    assert_int_equal(
        kfs_sigv4_signature(bytes_of(SECRET), scope(), &a.request, bytes_of("host;x-amz-target"), signature), 0);
    memcpy(target + sizeof target - 1 - KFS_SIGV4_HEX, signature, KFS_SIGV4_HEX);
    assert_int_equal(verify(&a, keys, NOW_MS + 60000), 0);
    assert_string_equal(a.identity.region, "us-east-1");
    assert_int_equal(verify(&a, keys, NOW_MS + 61000), -EACCES);
    assert_refused(&a, "InvalidSignatureException",
                   "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z "
                   "(20150830T123701Z - 1 min.)");
    *strstr(target, "Expires=60") = 'e';
    assert_int_equal(verify(&a, keys, NOW_MS), -EACCES);
    assert_string_equal(a.type, "IncompleteSignatureException");
    end(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_vectors),
        cmocka_unit_test(canonical_form),
        cmocka_unit_test(authority_stands_for_host),
        cmocka_unit_test(every_change_is_found),
        cmocka_unit_test(unknown_keys_and_tokens),
        cmocka_unit_test(clocks_may_differ_by_five_minutes),
        cmocka_unit_test(the_date_header_will_do),
        cmocka_unit_test(what_must_be_signed),
        cmocka_unit_test(incomplete_requests),
        cmocka_unit_test(wrong_scopes),
        cmocka_unit_test(who_it_is_without_keys),
        cmocka_unit_test(presigned_requests),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
