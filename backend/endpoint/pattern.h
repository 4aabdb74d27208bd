/* The service model's regular expressions, each with a matcher that is linear in
 * the text whatever it holds. Expressions match the whole text; they are ASCII. */
#ifndef KFS_ENDPOINT_PATTERN_H
#define KFS_ENDPOINT_PATTERN_H

#include <stdbool.h>

#include "backend/base/buf.h"

struct kfs_pattern {
    const char *text; /* as error texts quote it */
    bool (*matches)(struct kfs_bytes text);
};

extern const struct kfs_pattern kfs_pattern_name;         /* of streams, shards, consumers */
extern const struct kfs_pattern kfs_pattern_stream_arn;   /* of a stream */
extern const struct kfs_pattern kfs_pattern_resource_arn; /* of a stream or consumer */
extern const struct kfs_pattern kfs_pattern_consumer_arn;
extern const struct kfs_pattern kfs_pattern_stream_id;
extern const struct kfs_pattern kfs_pattern_sequence_number;
extern const struct kfs_pattern kfs_pattern_hash_key;

#endif
