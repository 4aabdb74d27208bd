/* Building a tree from what a decoder reports in the order of the text: values,
 * and containers that begin and end. */
#ifndef KFS_BASE_VALUE_BUILDER_H
#define KFS_BASE_VALUE_BUILDER_H

#include "backend/base/value.h"

/* A container under construction; its items are the last ones of the builder's. */
struct kfs_open_value {
    enum kfs_value_type type; /* LIST or MAP */
    struct kfs_bytes key;
    size_t begin; /* index of its first item */
};

struct kfs_builder {
    struct kfs_arena *arena;
    struct kfs_value *items; /* of all open containers; malloc'ed, counted by the arena */
    size_t n;
    size_t cap;
    struct kfs_open_value open[KFS_VALUE_DEPTH_MAX];
    size_t depth;
};

void kfs_builder_init(struct kfs_builder *b, struct kfs_arena *arena);
void kfs_builder_release(struct kfs_builder *b);

/* Adds a value to the container that is open, or the top. -ENOMEM. */
int kfs_builder_add(struct kfs_builder *b, const struct kfs_value *value);

/* -EINVAL: deeper than KFS_VALUE_DEPTH_MAX. */
int kfs_builder_begin(struct kfs_builder *b, enum kfs_value_type type, struct kfs_bytes key);

/* Adds the container that was opened last. -ENOMEM. */
int kfs_builder_end(struct kfs_builder *b);

/* A number that JSON or CBOR gave as floating point. */
struct kfs_value kfs_value_of_double(double number);
struct kfs_value kfs_value_of_int(int64_t integer);

/* Makes a value a time; ms is rounded, and cut to +-2^52. */
void kfs_value_set_time(struct kfs_value *value, double ms);

#endif
