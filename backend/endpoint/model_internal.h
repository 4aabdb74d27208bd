/* The two halves of kfs_model_check. */
#ifndef KFS_ENDPOINT_MODEL_INTERNAL_H
#define KFS_ENDPOINT_MODEL_INTERNAL_H

#include "backend/endpoint/model.h"

/* Text that a request holds and an error quotes is cut to this. */
#define KFS_MODEL_QUOTE_MAX ((size_t)64 << 10)

/* The member of a structure, or NULL. */
const struct kfs_member *kfs_member_find(const struct kfs_shape *shape, struct kfs_bytes name);

/* 0, -EINVAL with text, -ENOMEM. */
int kfs_model_convert(const struct kfs_shape *shape, struct kfs_arena *arena, struct kfs_value *value,
                      struct kfs_buf *text);
int kfs_model_constrain(const struct kfs_shape *shape, const struct kfs_value *value, struct kfs_buf *text);

/* Appends as much of what a request holds as fits in KFS_MODEL_QUOTE_MAX from `from` on, whole characters. */
void kfs_model_quote(struct kfs_buf *buf, size_t from, struct kfs_bytes text);

#endif
