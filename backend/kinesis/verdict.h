/* What a failed call means for the records that were in it. */
#ifndef KFS_KINESIS_VERDICT_H
#define KFS_KINESIS_VERDICT_H

#include <stdbool.h>

#include "backend/base/error.h"

enum remote_verdict {
    REMOTE_LATER,     /* the same may succeed: throttled, no answer, a fault of the service */
    REMOTE_UNPROVED,  /* credentials are missing, wrong or expired; an operator may give others */
    REMOTE_NO_STREAM, /* no such stream, or none that takes records now */
    REMOTE_DENIED,    /* refused for good whatever is in it: access, keys of encryption */
    REMOTE_BAD        /* something in it is refused: validation, size */
};

enum remote_verdict remote_verdict_of(const struct kfs_error *failure);

bool remote_is_throttle(const char *aws_code);

/* Whether it says that the endpoint was not reached. */
bool remote_is_unreachable(const struct kfs_error *failure);

#endif
