#include "backend/kinesis/answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Of a tree: a value for each few bytes of an answer of small records; no more than this of a hostile one. */
#define TREE_BYTES(len) (((size_t)16 << 20) + 4 * (len))
#define ERROR_TREE_BYTES ((size_t)64 << 10)
#define RATE_TEXT "Rate exceeded"

int kfs_answer_decode(const char *operation, struct kfs_bytes body, struct kfs_arena **out, struct kfs_value *value,
                      struct kfs_error *err)
{
    struct kfs_arena *arena = kfs_arena_new(TREE_BYTES(body.len));
    struct kfs_value root = {.type = KFS_VALUE_MAP};

    if (arena == NULL)
        return kfs_fail(err, ENOMEM, "%s: out of memory", operation);
    if (body.len > 0 && (kfs_json_decode(arena, body, &root) != 0 || root.type != KFS_VALUE_MAP)) {
        kfs_arena_free(arena);
        (void)kfs_fail(err, EHOSTUNREACH, "%s: the endpoint's answer is not a JSON object", operation);
        if (err != NULL)
            err->retryable = true;
        return -EHOSTUNREACH;
    }
    *out = arena;
    *value = root;
    return 0;
}

/* The name in "com.amazonaws.kinesis#Name:http://..."; printable, cut. */
static void plain_code(struct kfs_bytes type, char code[KFS_ERROR_CODE_MAX])
{
    const char *begin = type.data;
    const char *end = begin + type.len;
    size_t n = 0;

    for (const char *p = begin; p < end && *p != ':'; p++)
        if (*p == '#')
            begin = p + 1;
    for (; begin < end && *begin != ':' && n < KFS_ERROR_CODE_MAX - 1; begin++)
        code[n++] = *begin > ' ' && *begin <= '~' ? *begin : '?';
    code[n] = '\0';
}

static struct kfs_bytes text_of(const struct kfs_value *map, const char *name)
{
    const struct kfs_value *value = kfs_value_get(map, name);

    return value != NULL && value->type == KFS_VALUE_STRING ? value->bytes : (struct kfs_bytes){"", 0};
}

/* One line, whatever the endpoint says. */
static void plain_text(struct kfs_bytes message, char text[KFS_ERROR_TEXT_MAX])
{
    const char *p = message.data;
    size_t n = message.len < KFS_ERROR_TEXT_MAX - 1 ? message.len : KFS_ERROR_TEXT_MAX - 1;

    for (size_t i = 0; i < n; i++)
        text[i] = (unsigned char)p[i] < ' ' || p[i] == 0x7f ? ' ' : p[i];
    text[n] = '\0';
}

/* One code is for too many calls a second, and for what an account may have: the text tells. */
static const struct kfs_refusal *refusal_of(const char *code, const char *text, int status)
{
    bool rate = strcmp(code, "LimitExceededException") == 0 && strncmp(text, RATE_TEXT, strlen(RATE_TEXT)) == 0;

    return kfs_refusal_of(rate ? "Throttling" : code, status);
}

const struct kfs_refusal *kfs_answer_refusal(const char *operation, int status, struct kfs_bytes type,
                                             struct kfs_bytes body, struct kfs_error *err)
{
    struct kfs_arena *arena = kfs_arena_new(ERROR_TREE_BYTES);
    const struct kfs_refusal *refusal;
    struct kfs_value root = {.type = KFS_VALUE_NULL};
    struct kfs_bytes message;
    char code[KFS_ERROR_CODE_MAX];
    char text[KFS_ERROR_TEXT_MAX];

    if (arena == NULL || kfs_json_decode(arena, body, &root) != 0)
        root = (struct kfs_value){.type = KFS_VALUE_NULL};
    if (text_of(&root, "__type").len > 0)
        type = text_of(&root, "__type");
    message = text_of(&root, "message");
    if (message.len == 0)
        message = text_of(&root, "Message");
    plain_code(type, code);
    plain_text(message, text);
    kfs_arena_free(arena);
    refusal = refusal_of(code, text, status);
    if (text[0] == '\0')
        (void)snprintf(text, sizeof text, "HTTP status %d, and no reason", status);
    if (code[0] == '\0') /* it has answered all the same */
        (void)snprintf(code, sizeof code, "HTTP-%d", status);
    (void)kfs_fail_aws(err, refusal->number, code, "%s: %s", operation, text);
    err->retryable = refusal->retryable;
    return refusal;
}
