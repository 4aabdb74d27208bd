/* The query of a request's target: name=value pairs, percent-encoded. */
#ifndef KFS_ENDPOINT_QUERY_H
#define KFS_ENDPOINT_QUERY_H

#include <stdbool.h>

#include "backend/base/buf.h"

/* Path without, and query without the question mark. */
struct kfs_bytes kfs_target_path(struct kfs_bytes target);
struct kfs_bytes kfs_target_query(struct kfs_bytes target);

/* Takes the first pair off the query; false where there is none left. Neither is decoded. */
bool kfs_query_next(struct kfs_bytes *query, struct kfs_bytes *name, struct kfs_bytes *value);

/* Appends text with %XX decoded; what is no such escape stays. */
int kfs_query_decode(struct kfs_bytes text, struct kfs_buf *out);

/* Appends text with everything encoded but letters, digits and -_.~ and what is in `also`. */
int kfs_query_encode(struct kfs_bytes text, const char *also, struct kfs_buf *out);

#endif
