/* A decoded tree as text, to compare it. */
#ifndef KFS_TESTS_TREE_H
#define KFS_TESTS_TREE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/out.h"
#include "backend/base/value.h"

#define TREE_TIME_LEAST INT64_C(100000000000) /* ms; what CBOR decodes as such */

/* A name as kfs_out takes it; malloc'ed. One that holds NUL is cut there. */
static inline char *tree_name(struct kfs_bytes name)
{
    char *text = calloc(1, name.len + 1);

    if (text == NULL)
        abort();
    if (name.len > 0)
        memcpy(text, name.data, name.len);
    return text;
}

static inline void tree_scalar(struct kfs_out *out, const char *key, const struct kfs_value *value)
{
    char text[64];

    if (value->type == KFS_VALUE_NULL) {
        kfs_out_string(out, key, "null");
    } else if (value->type == KFS_VALUE_BOOL) {
        kfs_out_bool(out, key, value->boolean);
    } else if (value->type == KFS_VALUE_STRING) {
        kfs_out_text(out, key, value->bytes);
    } else if (value->type == KFS_VALUE_BYTES) {
        kfs_out_blob(out, key, value->bytes);
    } else if (value->type == KFS_VALUE_TIME && value->integer >= TREE_TIME_LEAST) {
        kfs_out_time_ms(out, key, (uint64_t)value->integer);
    } else if (value->whole) {
        kfs_out_int(out, key, value->integer);
    } else {
        (void)snprintf(text, sizeof text, "%a", value->number);
        kfs_out_string(out, key, text);
    }
}

/* Numbers that are not whole, and null, as strings. Recurses as deep as trees may be. */
static inline void tree_print(struct kfs_out *out, const char *key, const struct kfs_value *value)
{
    bool is_map = value->type == KFS_VALUE_MAP;

    if (!is_map && value->type != KFS_VALUE_LIST) {
        tree_scalar(out, key, value);
        return;
    }
    if (is_map)
        kfs_out_map(out, key);
    else
        kfs_out_list(out, key);
    for (size_t i = 0; i < value->n; i++) {
        char *name = is_map ? tree_name(value->items[i].key) : NULL;
        tree_print(out, name, &value->items[i]);
        free(name);
    }
    if (is_map)
        kfs_out_map_end(out);
    else
        kfs_out_list_end(out);
}

/* Prints into buf, which is emptied first. */
static inline void tree_text(enum kfs_codec codec, const struct kfs_value *value, struct kfs_buf *buf)
{
    struct kfs_out out;

    buf->len = 0;
    kfs_out_init(&out, codec, buf);
    tree_print(&out, NULL, value);
    if (out.error != 0)
        abort();
}

#endif
