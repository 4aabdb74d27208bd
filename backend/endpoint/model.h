/* The service's model as data: operations, their input's members, and the constraints
 * of members. Source: the AWS service model of Kinesis 2013-12-02. */
#ifndef KFS_ENDPOINT_MODEL_H
#define KFS_ENDPOINT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/endpoint/value.h"

enum kfs_shape_type {
    KFS_SHAPE_STRING,
    KFS_SHAPE_INTEGER, /* 32 bits */
    KFS_SHAPE_LONG,
    KFS_SHAPE_BOOLEAN,
    KFS_SHAPE_BLOB,
    KFS_SHAPE_TIMESTAMP,
    KFS_SHAPE_LIST,
    KFS_SHAPE_MAP,
    KFS_SHAPE_STRUCTURE
};

struct kfs_member;

struct kfs_shape {
    enum kfs_shape_type type;
    int64_t min;                      /* length or value; INT64_MIN: none */
    int64_t max;                      /* INT64_MAX: none */
    const char *pattern;              /* as error texts quote it; NULL */
    const char *const *enumeration;   /* NULL-terminated; NULL */
    const char *name;                 /* the structure's, for error texts */
    const struct kfs_shape *item;     /* of LIST; the value's of MAP */
    const struct kfs_shape *key;      /* of MAP */
    const struct kfs_member *members; /* of STRUCTURE, ended by a name of NULL */
};

struct kfs_member {
    const char *name;
    const struct kfs_shape *shape;
    bool required;
};

struct kfs_operation {
    const char *name;
    const struct kfs_shape *input; /* a structure */
};

extern const struct kfs_operation kfs_operations[];
extern const size_t kfs_n_operations;
const struct kfs_operation *kfs_operation_find(struct kfs_bytes name); /* NULL */

/* Checks types (and converts: base64 blobs and numbers of seconds become BYTES and TIME, floats
 * are floored, integers clamped), then constraints. 0, or -EINVAL with the error's type
 * ("SerializationException", "ValidationException") and text. Text of at most 10 constraint failures. */
int kfs_model_check(const struct kfs_shape *shape, struct kfs_arena *arena, struct kfs_value *value, const char **type,
                    struct kfs_buf *text);

#endif
