/* What stands between the quotes of a JSON string, RFC 8259 section 7. */
#ifndef KFS_BASE_JSON_TEXT_H
#define KFS_BASE_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/buf.h"

/* An escape is at most six bytes for one of text. */
#define KFS_JSON_ESCAPE_MAX 6

struct kfs_json_shape {
    size_t size;     /* in JSON, without the quotes */
    bool is_ascii;   /* no byte above 0x7f */
    bool has_escape; /* some byte does not stand for itself */
};

struct kfs_json_shape kfs_json_measure(struct kfs_bytes text);

/* Writes shape->size bytes, shape being that of text; returns where they end. */
char *kfs_json_put(char *to, struct kfs_bytes text, const struct kfs_json_shape *shape);

/* Bytes before the first quote, backslash or control character; len where there is none. */
size_t kfs_json_plain_len(const char *text, size_t len);

#endif
