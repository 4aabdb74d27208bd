/* A decoded message: a tree of values, the same for JSON and CBOR. */
#ifndef KFS_BASE_VALUE_H
#define KFS_BASE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"

enum kfs_value_type {
    KFS_VALUE_NULL,
    KFS_VALUE_BOOL,
    KFS_VALUE_NUMBER,
    KFS_VALUE_STRING, /* UTF-8, may hold NUL */
    KFS_VALUE_BYTES,  /* CBOR's byte string; JSON has none (blobs are strings in base64) */
    KFS_VALUE_TIME,   /* CBOR's tag 1; number is ms since 1970 */
    KFS_VALUE_LIST,
    KFS_VALUE_MAP
};

struct kfs_value {
    enum kfs_value_type type;
    bool boolean;
    bool whole;           /* number has no fraction and fits integer */
    bool newline_follows; /* the byte behind bytes is readable and '\n' */
    int64_t integer;      /* where whole */
    double number;
    struct kfs_bytes bytes;  /* of STRING and BYTES; and of a map's member name: see key */
    struct kfs_bytes key;    /* the name, where this is a member of a map */
    struct kfs_value *items; /* of LIST and MAP, an array */
    size_t n;
};

/* Where a tree's memory comes from; released as a whole. Owns copies of what it
 * needs, or points into the body, which must outlive it. */
struct kfs_arena;
struct kfs_arena *kfs_arena_new(size_t max_bytes);
void kfs_arena_free(struct kfs_arena *arena);
void *kfs_arena_alloc(struct kfs_arena *arena, size_t size); /* zeroed; NULL: over max or out of memory */

#define KFS_VALUE_DEPTH_MAX 16

/* -EINVAL: not JSON or more after it, too deep, invalid UTF-8; -ENOMEM: over the arena's maximum. */
int kfs_json_decode(struct kfs_arena *arena, struct kfs_bytes body, struct kfs_value *value);

/* A member of a map: NULL where it is absent or null. The last one counts where a name is repeated. */
const struct kfs_value *kfs_value_get(const struct kfs_value *map, const char *name);

#endif
