/* Signatures: a request made of lines, its target and then headers as name:value. It is
 * verified with keys and without, and never accepted with keys but when signed here. Also the
 * parser of keys files. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/utf8.h"
#include "backend/endpoint/sigv4.h"
#include "tests/fuzz/fuzz.h"

#define NOW_MS UINT64_C(1440938160000) /* 2015-08-30T12:36:00Z */

static struct kfs_bytes take_line(const char **at, const char *end)
{
    const char *from = *at;
    const char *newline = memchr(from, '\n', (size_t)(end - from));
    size_t len = (size_t)((newline == NULL ? end : newline) - from);

    *at = newline == NULL ? end : newline + 1;
    return (struct kfs_bytes){from, len};
}

static size_t read_headers(const char *at, const char *end, struct kfs_http_header headers[KFS_HTTP_HEADERS_MAX])
{
    size_t n = 0;

    while (at < end && n < KFS_HTTP_HEADERS_MAX - 1) {
        struct kfs_bytes line = take_line(&at, end);
        const char *colon = line.len < 2 ? NULL : memchr((const char *)line.data + 1, ':', line.len - 1);
        if (colon != NULL) {
            size_t name_len = (size_t)(colon - (const char *)line.data);
            headers[n++] = (struct kfs_http_header){{line.data, name_len}, {colon + 1, line.len - name_len - 1}};
        }
    }
    return n;
}

static int verify(const struct kfs_keys *keys, const struct kfs_http_request *request)
{
    struct kfs_identity identity = {0};
    const char *type = NULL;
    struct kfs_buf text;

    kfs_buf_init(&text, KFS_SIGV4_TEXT_MAX);
    int rc = kfs_sigv4_verify(keys, request, NOW_MS, &identity, &type, &text);
    REQUIRE(rc == 0 || (rc == -EACCES && type != NULL && text.len > 0 && kfs_utf8_valid(text.data, text.len)));
    REQUIRE(rc != 0 || kfs_utf8_valid(identity.access_key_id, strlen(identity.access_key_id)));
    kfs_buf_release(&text);
    return rc;
}

/* What is signed is accepted, whatever else is in the request. */
static void check_signed(const struct kfs_keys *keys, struct kfs_http_request *request,
                         struct kfs_http_header headers[KFS_HTTP_HEADERS_MAX])
{
    static const struct kfs_sigv4_scope scope = {
        {"20150830T123600Z", 16}, {"20150830", 8}, {"us-east-1", 9}, {"kinesis", 7}};
    static const struct kfs_bytes names = {"host;x-amz-date;x-amz-target", 28};
    struct kfs_http_request own = *request;
    struct kfs_buf authorization;

    headers[0] = (struct kfs_http_header){{"x-amz-date", 10}, {"20150830T123600Z", 16}};
    own.target = (struct kfs_bytes){"/", 1};
    own.n_headers = request->n_headers > 0 ? request->n_headers : 1;
    for (size_t i = 1; i < own.n_headers; i++) {
        if (headers[i].name.len == 13 || (headers[i].name.len == 20)) /* authorization, x-amz-security-token */
            headers[i].name = (struct kfs_bytes){"x", 1};
    }
    kfs_buf_init(&authorization, (size_t)1 << 20);
    int rc = kfs_sigv4_sign(kfs_keys_find(keys, (struct kfs_bytes){"AKID", 4}), &scope, &own, names, &authorization);
    REQUIRE(rc == 0);
    headers[own.n_headers++] = (struct kfs_http_header){{"authorization", 13}, {authorization.data, authorization.len}};
    REQUIRE(verify(keys, &own) == 0);
    own.body.len /= 2;
    REQUIRE(own.body.len == request->body.len || verify(keys, &own) == -EACCES);
    kfs_buf_release(&authorization);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kfs_http_header headers[KFS_HTTP_HEADERS_MAX];
    struct kfs_http_request request = {.method = {"POST", 4}, .headers = headers, .body = {data, size}};
    struct kfs_keys *keys = NULL;
    const char *at = (const char *)data;
    const char *end = at + size;

    if (kfs_keys_parse("fuzz", (struct kfs_bytes){data, size}, &keys, NULL) == 0)
        kfs_keys_free(keys);
    if (kfs_keys_parse("own", (struct kfs_bytes){"AKID secret\n", 12}, &keys, NULL) != 0)
        abort();
    request.target = take_line(&at, end);
    request.n_headers = read_headers(at, end, headers);
    (void)verify(NULL, &request);
    REQUIRE(verify(keys, &request) == -EACCES);
    check_signed(keys, &request, headers);
    kfs_keys_free(keys);
    return 0;
}
