/* Constraints of the service model, and the text that lists those that failed. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/utf8.h"
#include "backend/endpoint/model_internal.h"

#define FAILURES_MAX 10

#define JAVA_PACKAGE "com.amazonaws.kinesis.v20131202."
#define JAVA_HASH "@c965e310" /* stands for an object's, which differs from request to request */

enum constraint { SATISFIES_PATTERN, LENGTH_LEAST, LENGTH_MOST, VALUE_LEAST, VALUE_MOST, ENUMERATED, CONSTRAINTS };

/* Where a value is in the request; a list on the stack, the innermost first. */
struct place {
    const struct place *up;
    struct kfs_bytes name; /* of a member */
    size_t number;         /* of a list's item, from 1; 0 for a member */
};

struct constrain {
    struct kfs_buf failures;
    unsigned n;
};

static int64_t length_of(const struct kfs_value *value)
{
    if (value->type == KFS_VALUE_LIST || value->type == KFS_VALUE_MAP)
        return (int64_t)value->n;
    return (int64_t)(value->type == KFS_VALUE_STRING ? kfs_utf8_count(value->bytes.data, value->bytes.len)
                                                     : value->bytes.len);
}

static bool is_enumerated(const char *const *words, struct kfs_bytes text)
{
    for (; *words != NULL; words++) {
        if (strlen(*words) == text.len && memcmp(*words, text.data, text.len) == 0)
            return true;
    }
    return false;
}

/* Whether the shape has such a constraint. */
static bool applies(const struct kfs_shape *shape, enum constraint constraint)
{
    bool is_number = shape->type == KFS_SHAPE_INTEGER;

    switch (constraint) {
    case SATISFIES_PATTERN:
        return shape->pattern != NULL;
    case LENGTH_LEAST:
        return !is_number && shape->min != INT64_MIN;
    case LENGTH_MOST:
        return !is_number && shape->max != INT64_MAX;
    case VALUE_LEAST:
        return is_number && shape->min != INT64_MIN;
    case VALUE_MOST:
        return is_number && shape->max != INT64_MAX;
    case ENUMERATED:
    case CONSTRAINTS:
        break;
    }
    return shape->enumeration != NULL;
}

static bool holds(const struct kfs_shape *shape, enum constraint constraint, const struct kfs_value *value)
{
    switch (constraint) {
    case SATISFIES_PATTERN:
        return shape->pattern->matches(value->bytes);
    case LENGTH_LEAST:
        return length_of(value) >= shape->min;
    case LENGTH_MOST:
        return length_of(value) <= shape->max;
    case VALUE_LEAST:
        return value->integer >= shape->min;
    case VALUE_MOST:
        return value->integer <= shape->max;
    case ENUMERATED:
    case CONSTRAINTS:
        break;
    }
    return is_enumerated(shape->enumeration, value->bytes);
}

static bool all_hold(const struct kfs_shape *shape, const struct kfs_value *value)
{
    for (enum constraint i = 0; i < CONSTRAINTS; i++) {
        if (applies(shape, i) && !holds(shape, i, value))
            return false;
    }
    return true;
}

/* ---- texts ---- */

static void print_constraint(struct kfs_buf *buf, const struct kfs_shape *shape, enum constraint constraint)
{
    const char *const *word = shape->enumeration;

    switch (constraint) {
    case SATISFIES_PATTERN:
        (void)kfs_buf_printf(buf, "Member must satisfy regular expression pattern: %s", shape->pattern->text);
        return;
    case LENGTH_LEAST:
    case VALUE_LEAST:
        (void)kfs_buf_printf(buf, "Member must have %s greater than or equal to %" PRId64,
                             constraint == LENGTH_LEAST ? "length" : "value", shape->min);
        return;
    case LENGTH_MOST:
    case VALUE_MOST:
        (void)kfs_buf_printf(buf, "Member must have %s less than or equal to %" PRId64,
                             constraint == LENGTH_MOST ? "length" : "value", shape->max);
        return;
    case ENUMERATED:
    case CONSTRAINTS:
        break;
    }
    (void)kfs_buf_printf(buf, "Member must satisfy enum value set: [");
    for (; *word != NULL; word++)
        (void)kfs_buf_printf(buf, "%s%s", word == shape->enumeration ? "" : ", ", *word);
    (void)kfs_buf_printf(buf, "]");
}

/* Every constraint of a shape, in brackets. */
static void print_constraints(struct kfs_buf *buf, const struct kfs_shape *shape)
{
    static const enum constraint order[] = {LENGTH_MOST, LENGTH_LEAST, SATISFIES_PATTERN, ENUMERATED};
    const char *separator = "[";

    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (applies(shape, order[i])) {
            (void)kfs_buf_printf(buf, "%s", separator);
            print_constraint(buf, shape, order[i]);
            separator = ", ";
        }
    }
    (void)kfs_buf_printf(buf, "]");
}

static struct kfs_bytes bytes_of(const char *text)
{
    return (struct kfs_bytes){text, strlen(text)};
}

static void print_value(struct kfs_buf *buf, size_t from, const struct kfs_shape *shape, const struct kfs_value *value);

/* [a, b] or {k=v, l=w} */
static void print_items(struct kfs_buf *buf, size_t from, const struct kfs_shape *shape, const struct kfs_value *value)
{
    bool is_map = value->type == KFS_VALUE_MAP;

    kfs_model_quote(buf, from, bytes_of(is_map ? "{" : "["));
    for (size_t i = 0; i < value->n && buf->len - from < KFS_MODEL_QUOTE_MAX; i++) {
        if (i > 0)
            kfs_model_quote(buf, from, bytes_of(", "));
        if (is_map) {
            kfs_model_quote(buf, from, value->items[i].key);
            kfs_model_quote(buf, from, bytes_of("="));
        }
        print_value(buf, from, shape->item, &value->items[i]);
    }
    kfs_model_quote(buf, from, bytes_of(is_map ? "}" : "]"));
}

/* As Java prints it; at most KFS_MODEL_QUOTE_MAX from `from` on. */
static void print_value(struct kfs_buf *buf, size_t from, const struct kfs_shape *shape, const struct kfs_value *value)
{
    char text[128];

    if (value->type == KFS_VALUE_NULL)
        (void)snprintf(text, sizeof text, "null");
    else if (shape->type == KFS_SHAPE_INTEGER)
        (void)snprintf(text, sizeof text, "%" PRId64, value->integer);
    else if (shape->type == KFS_SHAPE_BLOB)
        (void)snprintf(text, sizeof text, "java.nio.HeapByteBuffer[pos=0 lim=%zu cap=%zu]", value->bytes.len,
                       value->bytes.len);
    else if (shape->type == KFS_SHAPE_STRUCTURE)
        (void)snprintf(text, sizeof text, JAVA_PACKAGE "%s" JAVA_HASH, shape->name);
    else if (shape->type == KFS_SHAPE_STRING) {
        kfs_model_quote(buf, from, value->bytes);
        return;
    } else {
        print_items(buf, from, shape, value);
        return;
    }
    kfs_model_quote(buf, from, bytes_of(text));
}

static void print_place(struct kfs_buf *buf, const struct place *place)
{
    size_t at;

    if (place->up != NULL) {
        print_place(buf, place->up);
        (void)kfs_buf_append(buf, ".", 1);
    }
    if (place->number > 0) {
        (void)kfs_buf_printf(buf, "%zu.member", place->number);
        return;
    }
    at = buf->len;
    kfs_model_quote(buf, at, place->name);
    if (at < buf->len && buf->data[at] >= 'A' && buf->data[at] <= 'Z')
        buf->data[at] = (char)(buf->data[at] - 'A' + 'a');
}

/* ---- checking ---- */

/* Begins a failure's text; false where there are enough. */
static bool begin_failure(struct constrain *c, const struct place *place, const struct kfs_shape *shape,
                          const struct kfs_value *value)
{
    struct kfs_buf *buf = &c->failures;

    if (c->n == FAILURES_MAX)
        return false;
    (void)kfs_buf_printf(buf, "%sValue", c->n == 0 ? "" : "; ");
    c->n++;
    if (value == NULL || value->type == KFS_VALUE_NULL) {
        (void)kfs_buf_printf(buf, " null");
    } else if (shape->type != KFS_SHAPE_BLOB || place->up == NULL) { /* the service says nothing of PutRecords' data */
        (void)kfs_buf_printf(buf, " '");
        print_value(buf, buf->len, shape, value);
        (void)kfs_buf_append(buf, "'", 1);
    }
    (void)kfs_buf_printf(buf, " at '");
    print_place(buf, place);
    (void)kfs_buf_printf(buf, "' failed to satisfy constraint: ");
    return true;
}

static void check_value(struct constrain *c, const struct place *place, const struct kfs_shape *shape,
                        const struct kfs_value *value);

static void check_not_null(struct constrain *c, const struct place *place, const struct kfs_shape *shape,
                           const struct kfs_value *value)
{
    if (value == NULL || value->type == KFS_VALUE_NULL) {
        if (begin_failure(c, place, shape, value))
            (void)kfs_buf_printf(&c->failures, "Member must not be null");
    } else {
        check_value(c, place, shape, value);
    }
}

static void check_members(struct constrain *c, const struct place *place, const struct kfs_shape *shape,
                          const struct kfs_value *value)
{
    for (const struct kfs_member *member = shape->members; member->name != NULL && c->n < FAILURES_MAX; member++) {
        struct place inner = {.up = place, .name = bytes_of(member->name)};
        const struct kfs_value *item = kfs_value_get(value, member->name);
        if (item != NULL || member->required)
            check_not_null(c, &inner, member->shape, item);
    }
}

/* Those of scalars are told together, for the list as a whole. */
static void check_list(struct constrain *c, const struct place *place, const struct kfs_shape *shape,
                       const struct kfs_value *value)
{
    bool good = true;

    for (size_t i = 0; i < value->n && c->n < FAILURES_MAX; i++) {
        struct place inner = {.up = place, .number = i + 1};
        const struct kfs_value *item = &value->items[i];
        if (shape->item->type == KFS_SHAPE_STRUCTURE || item->type == KFS_VALUE_NULL)
            check_not_null(c, &inner, shape->item, item);
        else
            good = good && all_hold(shape->item, item);
    }
    if (!good && begin_failure(c, place, shape, value)) {
        (void)kfs_buf_printf(&c->failures, "Member must satisfy constraint: ");
        print_constraints(&c->failures, shape->item);
    }
}

static void check_map(struct constrain *c, const struct place *place, const struct kfs_shape *shape,
                      const struct kfs_value *value)
{
    bool good_keys = true;
    bool good_values = true;

    for (size_t i = 0; i < value->n && c->n < FAILURES_MAX; i++) {
        const struct kfs_value *item = &value->items[i];
        const struct kfs_value key = {.type = KFS_VALUE_STRING, .bytes = item->key};
        struct place inner = {.up = place, .name = item->key};
        good_keys = good_keys && all_hold(shape->key, &key);
        if (item->type == KFS_VALUE_NULL)
            check_not_null(c, &inner, shape->item, item);
        else
            good_values = good_values && all_hold(shape->item, item);
    }
    if (!good_keys && begin_failure(c, place, shape, value)) {
        (void)kfs_buf_printf(&c->failures, "Map keys must satisfy constraint: ");
        print_constraints(&c->failures, shape->key);
    }
    if (!good_values && begin_failure(c, place, shape, value)) {
        (void)kfs_buf_printf(&c->failures, "Map value must satisfy constraint: ");
        print_constraints(&c->failures, shape->item);
    }
}

static void check_value(struct constrain *c, const struct place *place, const struct kfs_shape *shape,
                        const struct kfs_value *value)
{
    for (enum constraint i = 0; i < CONSTRAINTS; i++) {
        if (applies(shape, i) && !holds(shape, i, value) && begin_failure(c, place, shape, value))
            print_constraint(&c->failures, shape, i);
    }
    if (shape->type == KFS_SHAPE_STRUCTURE)
        check_members(c, place, shape, value);
    else if (shape->type == KFS_SHAPE_LIST)
        check_list(c, place, shape, value);
    else if (shape->type == KFS_SHAPE_MAP)
        check_map(c, place, shape, value);
}

int kfs_model_constrain(const struct kfs_shape *shape, const struct kfs_value *value, struct kfs_buf *text)
{
    struct constrain c = {0};
    int rc = 0;

    kfs_buf_init(&c.failures, KFS_MODEL_TEXT_MAX);
    check_members(&c, NULL, shape, value);
    if (c.n > 0) {
        rc = -EINVAL;
        (void)kfs_buf_printf(text, "%u validation error%s detected: ", c.n, c.n == 1 ? "" : "s");
        (void)kfs_buf_append(text, c.failures.data, c.failures.len);
    }
    kfs_buf_release(&c.failures);
    return rc;
}
