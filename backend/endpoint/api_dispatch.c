/* From a request to an operation and back: the service's order of checks, and the
 * one place where errors are put into bodies. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "backend/base/base64.h"
#include "backend/endpoint/api_internal.h"
#include "backend/endpoint/cbor.h"

#define TARGET_SERVICE "Kinesis_20131202."
#define JSON_TYPE "application/x-amz-json-1.1"
#define CBOR_TYPE "application/x-amz-cbor-1.1"
#define PLAIN_TYPE "application/json"
#define EVENTS_TYPE "application/vnd.amazon.eventstream"
#define EXPOSED "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date"
#define ARENA_MAX (160U << 20) /* of one request's decoded body */
#define TEXT_MAX 8192          /* of header values */
#define IDS_BYTES 160          /* of those of the two ids */
#define ID_2_WORDS 9           /* 72 bytes */
#define ID_2_CHARS 96

static const char access_denied[] = "<AccessDeniedException>\n  <Message>Unable to determine service/operation name to "
                                    "be authorized</Message>\n</AccessDeniedException>\n";

enum content { CONTENT_NONE, CONTENT_JSON, CONTENT_CBOR, CONTENT_PLAIN };

/* What is known of a request before an operation runs. */
struct exchange {
    struct kfs_api *api;
    const struct kfs_http_request *request;
    struct kfs_api_reply *reply;
    enum content content;
    bool has_target;  /* names a service and an operation, whichever */
    size_t operation; /* index; api_n_operations: unknown */
};

/* ---- headers ---- */

static bool equals(struct kfs_bytes bytes, const char *text)
{
    return bytes.len == strlen(text) && memcmp(bytes.data, text, bytes.len) == 0;
}

static void add_header(struct kfs_api_reply *reply, const char *name, struct kfs_bytes value)
{
    if (reply->n_headers < KFS_API_HEADERS_MAX)
        reply->headers[reply->n_headers++] = (struct kfs_http_header){{name, strlen(name)}, value};
}

static void add_static(struct kfs_api_reply *reply, const char *name, const char *value)
{
    add_header(reply, name, (struct kfs_bytes){value, strlen(value)});
}

/* The text's memory does not move: kfs_api_handle reserves it whole. */
static void add_copied(struct kfs_api_reply *reply, const char *name, const void *value, size_t len)
{
    size_t at = reply->text.len;

    if (kfs_buf_append(&reply->text, value, len) == 0)
        add_header(reply, name, (struct kfs_bytes){reply->text.data + at, len});
}

/* A random UUID, version 4. */
static void add_request_id(struct exchange *x)
{
    static const char hex[] = "0123456789abcdef";
    char text[] = "........-....-....-....-............";
    uint64_t words[2];

    api_nonces(x->api, words, 2);
    words[0] = (words[0] & ~UINT64_C(0xf000)) | 0x4000;
    words[1] = (words[1] & UINT64_MAX >> 2) | UINT64_C(1) << 63;
    for (size_t i = 0, digit = 0; i < sizeof text - 1; i++) {
        if (text[i] != '-') {
            text[i] = hex[words[digit / 16] >> (60 - digit % 16 * 4) & 15];
            digit++;
        }
    }
    add_copied(x->reply, "x-amzn-requestid", text, sizeof text - 1);
}

static void add_id_2(struct exchange *x)
{
    uint64_t words[ID_2_WORDS];
    char text[ID_2_CHARS];

    api_nonces(x->api, words, ID_2_WORDS);
    kfs_base64_encode(words, sizeof words, text);
    add_copied(x->reply, "x-amz-id-2", text, sizeof text);
}

static void add_cors(struct exchange *x)
{
    if (kfs_http_header(x->request, "origin") == NULL)
        return;
    add_static(x->reply, "access-control-allow-origin", "*");
    add_static(x->reply, "access-control-expose-headers", EXPOSED);
}

/* ---- bodies ---- */

static void answer_text(struct exchange *x, int status, const char *type, const char *text)
{
    x->reply->status = status;
    if (type != NULL)
        add_static(x->reply, "content-type", type);
    x->reply->body.len = 0;
    (void)kfs_buf_append(&x->reply->body, text, strlen(text));
}

static const char *content_type(enum content content)
{
    switch (content) {
    case CONTENT_CBOR:
    case CONTENT_NONE:
        return CBOR_TYPE;
    case CONTENT_PLAIN:
        return PLAIN_TYPE;
    case CONTENT_JSON:
        break;
    }
    return JSON_TYPE;
}

static enum kfs_codec codec_of(enum content content)
{
    return content == CONTENT_JSON || content == CONTENT_PLAIN ? KFS_CODEC_JSON : KFS_CODEC_CBOR;
}

/* message may be NULL: the service tells no more than the type. */
static void answer_error(struct exchange *x, int status, const char *type, const struct kfs_bytes *message)
{
    struct kfs_out out;

    x->reply->status = status;
    x->reply->body.len = 0;
    add_static(x->reply, "content-type", content_type(x->content));
    kfs_out_init(&out, codec_of(x->content), &x->reply->body);
    kfs_out_map(&out, NULL);
    kfs_out_string(&out, "__type", type);
    if (message != NULL)
        kfs_out_text(&out, strcmp(type, "SerializationException") == 0 ? "Message" : "message", *message);
    kfs_out_map_end(&out);
}

static void answer_failure(struct exchange *x, const struct api_failure *failure)
{
    const struct kfs_bytes message = {failure->text.data, failure->text.len};

    answer_error(x, failure->status, failure->type, failure->text.len > 0 ? &message : NULL);
}

/* ---- the order of checks ---- */

static enum content read_content(const struct kfs_http_request *request)
{
    const struct kfs_bytes *header = kfs_http_header(request, "content-type");
    struct kfs_bytes type;
    const char *end;

    if (header == NULL)
        return CONTENT_NONE;
    type = *header;
    end = memchr(type.data, ';', type.len);
    if (end != NULL)
        type.len = (size_t)(end - (const char *)type.data);
    while (type.len > 0 && ((const char *)type.data)[type.len - 1] == ' ')
        type.len--;
    if (equals(type, JSON_TYPE))
        return CONTENT_JSON;
    if (equals(type, CBOR_TYPE))
        return CONTENT_CBOR;
    return equals(type, PLAIN_TYPE) ? CONTENT_PLAIN : CONTENT_NONE;
}

struct kfs_bytes api_target(const struct kfs_http_request *request)
{
    const struct kfs_bytes *header = kfs_http_header(request, "x-amz-target");
    const size_t skip = sizeof TARGET_SERVICE - 1;

    if (header == NULL || header->len < skip || memcmp(header->data, TARGET_SERVICE, skip) != 0)
        return (struct kfs_bytes){"", 0};
    return (struct kfs_bytes){(const char *)header->data + skip, header->len - skip};
}

static void read_target(struct exchange *x)
{
    const struct kfs_bytes *header = kfs_http_header(x->request, "x-amz-target");
    const char *text = header == NULL ? NULL : header->data;
    const char *dot = text == NULL ? NULL : memchr(text, '.', header->len);

    x->has_target = dot != NULL && dot > text && dot + 1 < text + header->len;
    x->operation = api_operation_index(api_target(x->request));
}

static void answer_preflight(struct exchange *x)
{
    static const char *const echoed[][2] = {{"access-control-request-headers", "access-control-allow-headers"},
                                            {"access-control-request-method", "access-control-allow-methods"}};

    for (size_t i = 0; i < sizeof echoed / sizeof echoed[0]; i++) {
        const struct kfs_bytes *value = kfs_http_header(x->request, echoed[i][0]);
        if (value != NULL)
            add_copied(x->reply, echoed[i][1], value->data, value->len);
    }
    add_static(x->reply, "access-control-max-age", "172800");
    x->reply->status = 200;
}

static bool is_health(const struct kfs_http_request *request)
{
    return (equals(request->method, "GET") || equals(request->method, "HEAD")) && equals(request->target, "/_health");
}

/* Requests that never come to an operation, whatever their body. True: answered. */
static bool answer_outsider(struct exchange *x)
{
    const struct kfs_http_request *request = x->request;

    if (is_health(request)) {
        answer_text(x, 200, PLAIN_TYPE, "{\"status\":\"ok\"}\n");
        return true;
    }
    if (equals(request->method, "OPTIONS") && kfs_http_header(request, "origin") != NULL) {
        answer_preflight(x);
        return true;
    }
    add_id_2(x);
    if (!equals(request->method, "POST")) {
        answer_text(x, 403, NULL, access_denied);
        return true;
    }
    if (request->body.len == 0) {
        x->content = x->content == CONTENT_JSON ? CONTENT_JSON : CONTENT_CBOR;
        answer_error(x, 400, x->operation < api_n_operations ? "SerializationException" : "UnknownOperationException",
                     NULL);
        return true;
    }
    if (x->content == CONTENT_NONE) {
        if (x->has_target)
            answer_text(x, 404, NULL, "<UnknownOperationException/>\n");
        else
            answer_text(x, 403, NULL, access_denied);
        return true;
    }
    return false;
}

/* Decodes the body into a map. False: answered. */
static bool decode(struct exchange *x, struct kfs_arena *arena, struct kfs_value *value)
{
    int rc = codec_of(x->content) == KFS_CODEC_JSON ? kfs_json_decode(arena, x->request->body, value)
                                                    : kfs_cbor_decode(arena, x->request->body, value);
    bool good = rc == 0 && value->type == KFS_VALUE_MAP;

    if (x->content == CONTENT_PLAIN) {
        if (good)
            answer_text(x, 404, PLAIN_TYPE,
                        "{\"Output\":{\"__type\":\"com.amazon.coral.service#UnknownOperationException\"},"
                        "\"Version\":\"1.0\"}");
        else
            answer_text(x, 400, PLAIN_TYPE,
                        "{\"Output\":{\"__type\":\"com.amazon.coral.service#SerializationException\"},"
                        "\"Version\":\"1.0\"}");
        return false;
    }
    if (!good)
        answer_error(x, 400, "SerializationException", NULL);
    else if (x->operation == api_n_operations)
        answer_error(x, 400, "UnknownOperationException", NULL);
    return good && x->operation < api_n_operations;
}

/* Runs the operation on a request that has been decoded. */
static int perform(struct api_call *call, struct kfs_value *in, size_t operation)
{
    if (api_authenticate(call) != 0 || api_inject(call) != 0)
        return -1;
    kfs_buf_release(&call->failure.text);
    /* The tables of the model are from before it. */
    const struct kfs_value *dry_run = kfs_value_get(in, "DryRun");
    call->dry_run = dry_run != NULL && dry_run->type == KFS_VALUE_BOOL && dry_run->boolean;
    int rc = kfs_model_check(call->operation->input, call->arena, in, &call->failure.type, &call->failure.text);
    if (rc == -EINVAL) {
        call->failure.status = 400;
        return -1;
    }
    call->failure.type = NULL;
    if (rc != 0)
        return api_no_memory(call);
    rc = api_operations[operation].function(call);
    if (rc == 0 && call->out.error != 0)
        rc = api_no_memory(call);
    return rc;
}

/* Answers a request that is to come to an operation. */
static bool run(struct exchange *x, struct kfs_arena *arena)
{
    struct kfs_value in;
    struct api_call call = {.api = x->api,
                            .request = x->request,
                            .operation = &kfs_operations[x->operation],
                            .arena = arena,
                            .in = &in,
                            .reply = x->reply,
                            .now_ms = api_wall_ms(x->api)};

    if (!decode(x, arena, &in))
        return false;
    kfs_out_init(&call.out, codec_of(x->content), &x->reply->body);
    kfs_buf_init(&call.failure.text, KFS_MODEL_TEXT_MAX);
    bool good = perform(&call, &in, x->operation) == 0;
    if (good) {
        x->reply->status = 200;
        add_static(x->reply, "content-type", x->reply->subscription != NULL ? EVENTS_TYPE : content_type(x->content));
    } else {
        answer_failure(x, &call.failure);
    }
    kfs_buf_release(&call.failure.text);
    return good;
}

static uint64_t now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void kfs_api_handle(struct kfs_api *api, const struct kfs_http_request *request, struct kfs_api_reply *reply)
{
    struct exchange x = {.api = api, .request = request, .reply = reply, .content = read_content(request)};
    const uint64_t begin = now_us();
    bool good = false;

    *reply = (struct kfs_api_reply){.status = 500};
    kfs_buf_init(&reply->text, TEXT_MAX);
    kfs_buf_init(&reply->body, KFS_API_REPLY_BYTES_MAX);
    (void)kfs_buf_reserve(&reply->text, equals(request->method, "OPTIONS") ? TEXT_MAX : IDS_BYTES);
    read_target(&x);
    add_request_id(&x);
    add_cors(&x);
    if (!answer_outsider(&x)) {
        struct kfs_arena *arena = kfs_arena_new(ARENA_MAX);
        if (arena != NULL)
            good = run(&x, arena);
        kfs_arena_free(arena);
    } else {
        good = reply->status == 200;
    }
    api_count(api, x.operation, !good, now_us() - begin);
}

void kfs_api_reply_release(struct kfs_api_reply *reply)
{
    kfs_buf_release(&reply->text);
    kfs_buf_release(&reply->body);
}
