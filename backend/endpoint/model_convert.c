/* Types: what each shape takes, and what it is made. Texts are those that
 * kinesalite's tests found at the service, where they cover the case. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "backend/base/base64.h"
#include "backend/base/utf8.h"
#include "backend/base/value_builder.h"
#include "backend/endpoint/model_internal.h"

/* Maps with more members than a constraint allows anywhere are not searched for repeated names. */
#define MAP_MEMBERS_MAX 1000

struct convert {
    struct kfs_arena *arena;
    struct kfs_buf *text;
};

static int convert_value(const struct convert *c, const struct kfs_shape *shape, struct kfs_value *value);

static int refuse(const struct convert *c, const char *text)
{
    (void)kfs_buf_append(c->text, text, strlen(text));
    return -EINVAL;
}

/* A container where a scalar should be. */
static int refuse_container(const struct convert *c, const struct kfs_value *value)
{
    return refuse(c, value->type == KFS_VALUE_LIST ? "Start of list found where not expected"
                                                   : "Start of structure or map found where not expected.");
}

static bool is_container(const struct kfs_value *value)
{
    return value->type == KFS_VALUE_LIST || value->type == KFS_VALUE_MAP;
}

/* A scalar of the wrong type; `to` is what it can not be converted to. */
static int refuse_scalar(const struct convert *c, const struct kfs_value *value, const char *to)
{
    static const char *const classes[] = {
        [KFS_VALUE_BOOL] = "java.lang.Boolean",
        [KFS_VALUE_NUMBER] = "com.amazon.coral.value.json.numbers.TruncatingBigNumber",
        [KFS_VALUE_STRING] = "java.lang.String",
        [KFS_VALUE_BYTES] = "java.nio.HeapByteBuffer",
        [KFS_VALUE_TIME] = "java.util.Date",
    };

    if (is_container(value))
        return refuse_container(c, value);
    (void)kfs_buf_printf(c->text, "class %s can not be converted to %s", classes[value->type], to);
    return -EINVAL;
}

static int convert_string(const struct convert *c, const struct kfs_value *value)
{
    return value->type == KFS_VALUE_STRING ? 0 : refuse_scalar(c, value, "an String");
}

/* What has a fraction is floored; what does not fit is cut. */
static int convert_integer(const struct convert *c, struct kfs_value *value)
{
    double number;

    if (value->type != KFS_VALUE_NUMBER)
        return refuse_scalar(c, value, "an Integer");
    number = isnan(value->number) ? 0 : floor(value->number);
    number = fmin(fmax(number, INT32_MIN), INT32_MAX);
    value->whole = true;
    value->integer = (int64_t)number;
    value->number = number;
    return 0;
}

static int convert_boolean(const struct convert *c, const struct kfs_value *value)
{
    size_t from = c->text->len + 1;

    if (value->type == KFS_VALUE_BOOL)
        return 0;
    if (value->type != KFS_VALUE_STRING)
        return refuse_scalar(c, value, "an Boolean");
    (void)kfs_buf_append(c->text, "'", 1);
    kfs_model_quote(c->text, from, value->bytes);
    for (size_t i = from; i < c->text->len; i++) {
        if (c->text->data[i] >= 'a' && c->text->data[i] <= 'z')
            c->text->data[i] = (char)(c->text->data[i] - 'a' + 'A');
    }
    return refuse(c, "' can not be converted to an Boolean");
}

static int convert_timestamp(const struct convert *c, struct kfs_value *value)
{
    if (value->type == KFS_VALUE_NUMBER)
        kfs_value_set_time(value, value->number * 1000);
    return value->type == KFS_VALUE_TIME ? 0 : refuse_scalar(c, value, "milliseconds since epoch");
}

/* ---- blobs ---- */

/* The first character that is none of base64's, or a pad that is not at the end; empty where all are good. */
static struct kfs_bytes bad_base64_char(struct kfs_bytes text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *p = text.data;
    size_t len = 1;

    for (size_t i = 0; i < text.len; i++) {
        if (p[i] == '=' ? i + 1 < text.len && p[i + 1] != '=' : p[i] == '\0' || strchr(digits, p[i]) == NULL) {
            while (i + len < text.len && ((unsigned char)p[i + len] & 0xc0) == 0x80)
                len++;
            return (struct kfs_bytes){p + i, len};
        }
    }
    return (struct kfs_bytes){0};
}

static int refuse_base64(const struct convert *c, struct kfs_bytes text)
{
    size_t chars = kfs_utf8_count(text.data, text.len);
    struct kfs_bytes bad = bad_base64_char(text);

    (void)kfs_buf_append(c->text, "'", 1);
    kfs_model_quote(c->text, c->text->len, text);
    (void)refuse(c, "' can not be converted to a Blob: ");
    if (chars % 4 != 0)
        (void)kfs_buf_printf(c->text, "Base64 encoded length is expected a multiple of 4 bytes but found: %zu", chars);
    else if (bad.len > 0)
        (void)kfs_buf_printf(c->text, "Invalid Base64 character: '%.*s'", (int)bad.len, (const char *)bad.data);
    else
        (void)refuse(c, "Invalid last non-pad Base64 character dectected");
    return -EINVAL;
}

static int convert_blob(const struct convert *c, struct kfs_value *value)
{
    ssize_t len;
    char *data;

    if (value->type == KFS_VALUE_BYTES)
        return 0;
    if (value->type != KFS_VALUE_STRING)
        return refuse_scalar(c, value, "a Blob");
    data = kfs_arena_alloc(c->arena, value->bytes.len / 4 * 3 + 1);
    if (data == NULL)
        return -ENOMEM;
    len = kfs_base64_decode(value->bytes.data, value->bytes.len, data);
    if (len < 0)
        return refuse_base64(c, value->bytes);
    data[len] = '\n'; /* the log writes it behind a record's data: so it need not be gathered */
    value->type = KFS_VALUE_BYTES;
    value->bytes = (struct kfs_bytes){data, (size_t)len};
    value->newline_follows = true;
    return 0;
}

/* ---- containers ---- */

static int convert_list(const struct convert *c, const struct kfs_shape *shape, struct kfs_value *value)
{
    int rc = 0;

    if (value->type == KFS_VALUE_MAP)
        return refuse_container(c, value);
    if (value->type != KFS_VALUE_LIST)
        return refuse(c, "Expected list or null");
    for (size_t i = 0; i < value->n && rc == 0; i++)
        rc = convert_value(c, shape->item, &value->items[i]);
    return rc;
}

static bool same(struct kfs_bytes a, struct kfs_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Of members with one name the last stays. */
static void drop_repeated(struct kfs_value *map)
{
    size_t n = 0;

    if (map->n > MAP_MEMBERS_MAX)
        return;
    for (size_t i = 0; i < map->n; i++) {
        size_t j = 0;
        while (j < n && !same(map->items[j].key, map->items[i].key))
            j++;
        map->items[j] = map->items[i];
        n += j == n ? 1 : 0;
    }
    map->n = n;
}

static int convert_map(const struct convert *c, const struct kfs_shape *shape, struct kfs_value *value)
{
    int rc = 0;

    if (value->type == KFS_VALUE_LIST)
        return refuse_container(c, value);
    if (value->type != KFS_VALUE_MAP)
        return refuse(c, "Expected map or null");
    drop_repeated(value);
    for (size_t i = 0; i < value->n && rc == 0; i++)
        rc = convert_value(c, shape->item, &value->items[i]);
    return rc;
}

static int convert_structure(const struct convert *c, const struct kfs_shape *shape, struct kfs_value *value)
{
    int rc = 0;

    if (value->type == KFS_VALUE_LIST)
        return refuse_container(c, value);
    if (value->type != KFS_VALUE_MAP)
        return refuse(c, "Expected null");
    for (size_t i = 0; i < value->n && rc == 0; i++) {
        const struct kfs_member *member = kfs_member_find(shape, value->items[i].key);
        if (member != NULL)
            rc = convert_value(c, member->shape, &value->items[i]);
        else
            value->items[i].type = KFS_VALUE_NULL; /* nobody has looked at what it is */
    }
    return rc;
}

static int convert_value(const struct convert *c, const struct kfs_shape *shape, struct kfs_value *value)
{
    if (value->type == KFS_VALUE_NULL)
        return 0;
    switch (shape->type) {
    case KFS_SHAPE_STRING:
        return convert_string(c, value);
    case KFS_SHAPE_INTEGER:
        return convert_integer(c, value);
    case KFS_SHAPE_BOOLEAN:
        return convert_boolean(c, value);
    case KFS_SHAPE_BLOB:
        return convert_blob(c, value);
    case KFS_SHAPE_TIMESTAMP:
        return convert_timestamp(c, value);
    case KFS_SHAPE_LIST:
        return convert_list(c, shape, value);
    case KFS_SHAPE_MAP:
        return convert_map(c, shape, value);
    case KFS_SHAPE_STRUCTURE:
        break;
    }
    return convert_structure(c, shape, value);
}

int kfs_model_convert(const struct kfs_shape *shape, struct kfs_arena *arena, struct kfs_value *value,
                      struct kfs_buf *text)
{
    struct convert c = {arena, text};

    return convert_value(&c, shape, value);
}
