/* Reading what an endpoint answers: JSON, or an error in JSON. Pure functions of bytes. */
#ifndef KFS_KINESIS_ANSWER_H
#define KFS_KINESIS_ANSWER_H

#include "backend/base/error.h"
#include "backend/base/value.h"
#include "backend/kinesis/refusal.h"

/* Decodes a body; an empty one is an empty map. *arena is a new one, which the value lives in, beside the body.
 * -EHOSTUNREACH: it is not a JSON object, or would be too large as a tree; -ENOMEM. */
int kfs_answer_decode(const char *operation, struct kfs_bytes body, struct kfs_arena **arena, struct kfs_value *value,
                      struct kfs_error *err);

/* What an answer with an error says. `type` is that of the header, or of an exception in a stream; "" where there is
 * none: then the body names it. err is filled whole, but for the request id. */
const struct kfs_refusal *kfs_answer_refusal(const char *operation, int status, struct kfs_bytes type,
                                             struct kfs_bytes body, struct kfs_error *err);

#endif
