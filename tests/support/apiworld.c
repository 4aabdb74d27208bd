#include "tests/support/apiworld.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/io.h"
#include "backend/local/local.h"
#include "tests/support/memory.h"
#include "tests/support/tempdir.h"

#define HEADERS_MAX 16

static uint64_t wall(void *ctx)
{
    return ((struct api_world *)ctx)->wall_ms;
}

static uint64_t mono(void *ctx)
{
    return ((struct api_world *)ctx)->mono_ms;
}

void api_world_pass(struct api_world *w, uint64_t ms)
{
    w->wall_ms += ms;
    w->mono_ms += ms;
}

/* ---- opening ---- */

void api_world_open(struct api_world *w)
{
    const struct kfs_local_options options = {.sync_interval_ms = 1000,
                                              .segment_bytes = 1U << 20,
                                              .region = "us-east-1",
                                              .account = API_WORLD_ACCOUNT,
                                              .io = &kfs_posix_io,
                                              .clock = &w->clock};
    struct kfs_error err = {0};

    if (w->b == NULL && w->dir == NULL)
        w->b = memory_open(&w->clock);
    else if (w->b == NULL && kfs_local_open(w->dir, &options, &w->b, &err) != 0)
        fail_msg("%s", err.text);
    w->config.backend = w->b;
    if (kfs_api_new(&w->config, &w->api, &err) != 0)
        fail_msg("%s", err.text);
}

void api_world_close(struct api_world *w)
{
    kfs_subscription_free(w->reply.subscription);
    w->reply.subscription = NULL;
    kfs_api_free(w->api);
    w->api = NULL;
    assert_int_equal(kfs_backend_close(w->b), 0);
    w->b = NULL;
}

static struct api_world *world_new(void)
{
    struct api_world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->wall_ms = API_WORLD_START_MS;
    w->mono_ms = 1000;
    w->clock = (struct kfs_clock){w, wall, mono};
    w->config = (struct kfs_api_config){.clock = &w->clock, .region = "us-east-1", .account = API_WORLD_ACCOUNT};
    kfs_buf_init(&w->reply.body, 1);
    return w;
}

int api_world_setup(void **state)
{
    struct api_world *w = world_new();

    api_world_open(w);
    *state = w;
    return 0;
}

int api_world_setup_local(void **state)
{
    struct api_world *w = world_new();

    w->dir = malloc(TEMPDIR_PATH_SIZE);
    assert_non_null(w->dir);
    tempdir_make(w->dir);
    api_world_open(w);
    *state = w;
    return 0;
}

int api_world_teardown(void **state)
{
    struct api_world *w = *state;

    if (w->b != NULL)
        api_world_close(w);
    kfs_api_reply_release(&w->reply);
    kfs_arena_free(w->arena);
    if (w->dir != NULL)
        tempdir_remove(w->dir);
    free(w->dir);
    free(w);
    return 0;
}

/* ---- asking ---- */

static size_t split_headers(char *text, struct kfs_http_header *headers)
{
    size_t n = 0;

    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        char *colon = strstr(line, ": ");
        assert_non_null(colon);
        assert_true(n < HEADERS_MAX);
        headers[n++] = (struct kfs_http_header){{line, (size_t)(colon - line)}, {colon + 2, strlen(colon + 2)}};
    }
    return n;
}

int api_world_send(struct api_world *w, const char *method, const char *target, const char *headers,
                   struct kfs_bytes body)
{
    struct kfs_http_header list[HEADERS_MAX];
    char *copy = strdup(headers == NULL ? "" : headers);
    struct kfs_http_request request = {.method = {method, strlen(method)},
                                       .target = {target, strlen(target)},
                                       .headers = list,
                                       .body = body,
                                       .version = 1};

    assert_non_null(copy);
    request.n_headers = split_headers(copy, list);
    kfs_subscription_free(w->reply.subscription);
    kfs_api_reply_release(&w->reply);
    kfs_arena_free(w->arena);
    w->arena = kfs_arena_new(256U << 20);
    w->answer = (struct kfs_value){0};
    kfs_api_handle(w->api, &request, &w->reply);
    if (w->reply.body.len > 0 &&
        kfs_json_decode(w->arena, (struct kfs_bytes){w->reply.body.data, w->reply.body.len}, &w->answer) != 0)
        w->answer = (struct kfs_value){0};
    free(copy);
    return w->reply.status;
}

static int ask_v(struct api_world *w, const char *operation, const char *format, va_list args)
{
    char headers[512];
    char *body;
    int len = vasprintf(&body, format, args);

    assert_true(len >= 0);
    for (char *p = body; (p = strchr(p, '\'')) != NULL;)
        *p = '"';
    (void)snprintf(headers, sizeof headers,
                   "host: localhost\ncontent-type: application/x-amz-json-1.1\n"
                   "x-amz-target: Kinesis_20131202.%s\nx-amz-date: 20231114T221320Z\n"
                   "authorization: AWS4-HMAC-SHA256 Credential=AK/20231114/eu-west-1/kinesis/aws4_request, "
                   "SignedHeaders=host;x-amz-date, Signature=0123",
                   operation);
    int status = api_world_send(w, "POST", "/", headers, (struct kfs_bytes){body, (size_t)len});
    free(body);
    return status;
}

int ask(struct api_world *w, const char *operation, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int status = ask_v(w, operation, format, args);
    va_end(args);
    return status;
}

void done(struct api_world *w, const char *operation, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int status = ask_v(w, operation, format, args);
    va_end(args);
    if (status != 200)
        fail_msg("%s: %d %.*s", operation, status, (int)w->reply.body.len, w->reply.body.data);
}

void assert_refused(struct api_world *w, const char *type, const char *text)
{
    assert_int_equal(w->reply.status, strcmp(type, "InternalFailure") == 0 ? 500 : 400);
    assert_string_equal(text_at(w, "__type"), type);
    if (text != NULL)
        assert_string_equal(text_at(w, strcmp(type, "SerializationException") == 0 ? "Message" : "message"), text);
}

/* ---- looking ---- */

const struct kfs_value *at(struct api_world *w, const char *path)
{
    const struct kfs_value *value = &w->answer;
    char part[64];

    while (value != NULL && *path != '\0') {
        size_t len = strcspn(path, ".");
        assert_true(len < sizeof part);
        memcpy(part, path, len);
        part[len] = '\0';
        path += len + (path[len] == '.' ? 1 : 0);
        if (value->type == KFS_VALUE_LIST)
            value = strtoul(part, NULL, 10) < value->n ? &value->items[strtoul(part, NULL, 10)] : NULL;
        else
            value = value->type == KFS_VALUE_MAP ? kfs_value_get(value, part) : NULL;
    }
    return value;
}

/* The value at a path, of a type. */
static const struct kfs_value *need(struct api_world *w, const char *path, enum kfs_value_type type)
{
    const struct kfs_value *value = at(w, path);

    if (value != NULL && value->type == type)
        return value;
    fail_msg("nothing of type %d at %s of %.*s", (int)type, path, (int)w->reply.body.len, w->reply.body.data);
    abort();
}

const char *text_at(struct api_world *w, const char *path)
{
    const struct kfs_value *value = need(w, path, KFS_VALUE_STRING);
    char *text = kfs_arena_alloc(w->arena, value->bytes.len + 1);

    assert_non_null(text);
    if (value->bytes.len > 0)
        memcpy(text, value->bytes.data, value->bytes.len);
    return text;
}

unsigned int shard_at(struct api_world *w, const char *path)
{
    const char *dash = strrchr(text_at(w, path), '-');

    assert_non_null(dash);
    return (unsigned int)strtoul(dash + 1, NULL, 10);
}

int64_t int_at(struct api_world *w, const char *path)
{
    return need(w, path, KFS_VALUE_NUMBER)->integer;
}

size_t count_at(struct api_world *w, const char *path)
{
    return need(w, path, KFS_VALUE_LIST)->n;
}

char *iterator_of(struct api_world *w, const char *stream, unsigned int shard, const char *type, const char *more)
{
    done(w, "GetShardIterator", "{'StreamName':'%s','ShardId':'shardId-%012u','ShardIteratorType':'%s'%s}", stream,
         shard, type, more);
    char *text = strdup(text_at(w, "ShardIterator"));
    assert_non_null(text);
    return text;
}
