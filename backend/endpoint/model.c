#include "backend/endpoint/model_internal.h"

#include <errno.h>
#include <string.h>

static bool is_name(struct kfs_bytes name, const char *text)
{
    return strlen(text) == name.len && memcmp(text, name.data, name.len) == 0;
}

const struct kfs_operation *kfs_operation_find(struct kfs_bytes name)
{
    size_t low = 0;
    size_t high = name.len == 0 ? 0 : kfs_n_operations;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *candidate = kfs_operations[middle].name;
        int order = strncmp(candidate, name.data, name.len);
        if (order == 0 && candidate[name.len] == '\0')
            return &kfs_operations[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct kfs_member *kfs_member_find(const struct kfs_shape *shape, struct kfs_bytes name)
{
    for (const struct kfs_member *member = shape->members; member->name != NULL; member++) {
        if (is_name(name, member->name))
            return member;
    }
    return NULL;
}

void kfs_model_quote(struct kfs_buf *buf, size_t from, struct kfs_bytes text)
{
    const char *data = text.data;
    size_t room = buf->len - from < KFS_MODEL_QUOTE_MAX ? KFS_MODEL_QUOTE_MAX - (buf->len - from) : 0;
    size_t len = text.len < room ? text.len : room;

    while (len < text.len && len > 0 && ((unsigned char)data[len] & 0xc0) == 0x80)
        len--;
    (void)kfs_buf_append(buf, data, len);
}

int kfs_model_check(const struct kfs_shape *shape, struct kfs_arena *arena, struct kfs_value *value, const char **type,
                    struct kfs_buf *text)
{
    int rc = kfs_model_convert(shape, arena, value, text);

    if (rc != 0) {
        *type = "SerializationException";
        return rc;
    }
    rc = kfs_model_constrain(shape, value, text);
    if (rc != 0)
        *type = "ValidationException";
    return rc;
}
