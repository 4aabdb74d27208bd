/* The service's model as data: operations, their input's members, and the constraints
 * of members. Source: the AWS service model of Kinesis 2013-12-02. */
#ifndef KFS_ENDPOINT_MODEL_H
#define KFS_ENDPOINT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/value.h"
#include "backend/endpoint/pattern.h"

enum kfs_shape_type {
    KFS_SHAPE_STRING,
    KFS_SHAPE_INTEGER, /* 32 bits */
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
    int64_t min;                       /* length or value; INT64_MIN: none */
    int64_t max;                       /* INT64_MAX: none */
    const struct kfs_pattern *pattern; /* NULL */
    const char *const *enumeration;    /* NULL-terminated; NULL */
    const char *name;                  /* the structure's, for error texts */
    const struct kfs_shape *item;      /* of LIST; the value's of MAP */
    const struct kfs_shape *key;       /* of MAP */
    const struct kfs_member *members;  /* of STRUCTURE, ended by a name of NULL */
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

/* Room for the text of any error. */
#define KFS_MODEL_TEXT_MAX ((size_t)1 << 20)

/* Checks types and converts in place: blobs become BYTES, times TIME, integers whole and cut to 32 bits,
 * of members of a map with one name only the last stays. Then checks constraints. 0; -EINVAL with the
 * error's type ("SerializationException", "ValidationException") and text, which lists at most 10
 * constraints; -ENOMEM, also where the arena is full. Members that the model lacks are ignored, and null afterwards. */
int kfs_model_check(const struct kfs_shape *shape, struct kfs_arena *arena, struct kfs_value *value, const char **type,
                    struct kfs_buf *text);

#endif
