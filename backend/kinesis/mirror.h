/* How records come into a shard's mirror, whichever way they are read: from where, and taking an answer in. */
#ifndef KFS_KINESIS_MIRROR_H
#define KFS_KINESIS_MIRROR_H

#include <stdbool.h>

#include "backend/kinesis/reply.h"
#include "backend/log/log.h"

/* Where to read on; each is tried where the endpoint has refused the one before it. */
enum remote_place_type { REMOTE_AFTER_LAST, REMOTE_AT_LAST_TIME, REMOTE_AT_START };

struct remote_place {
    enum remote_place_type type;
    /* Nothing up to here is missing in the mirror, though it may hold no record so far; or none. */
    struct kfs_seq passed;
};

/* What a request calls a position. */
struct remote_place_names {
    const char *type;
    const char *number;
};

/* Appends a place's members to body: "TYPE":"AFTER_SEQUENCE_NUMBER","NUMBER":"495". An empty mirror begins at the
 * horizon, or with from_latest at the tip. -ENOMEM. */
int remote_place_print(const struct remote_place *place, struct kfs_log *mirror, bool from_latest,
                       const struct remote_place_names *names, struct kfs_buf *body);

void remote_place_refused(struct remote_place *place); /* the next one, of the last the first */

/* Appends the records of an answer or event that the mirror does not have. got->records is NULL afterwards. data holds
 * the records meanwhile. -EBADMSG: it makes no sense, nothing was appended; or what appending says. */
int remote_mirror_take(struct kfs_log *mirror, const char *operation, const struct kfs_value *answer,
                       struct kfs_buf *data, struct remote_got *got, struct kfs_error *err);

#endif
