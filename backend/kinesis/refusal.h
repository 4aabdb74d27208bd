/* What an error of the service means for who asked: as data. */
#ifndef KFS_KINESIS_REFUSAL_H
#define KFS_KINESIS_REFUSAL_H

#include <stdbool.h>

struct kfs_refusal {
    const char *code; /* of AWS, without name space */
    int number;       /* positive errno, docs/SEMANTICS.md */
    bool retryable;   /* the same call may succeed later */
    bool throttled;
    bool skew;    /* may be said to who has the wrong time */
    bool expired; /* other credentials are needed, and may be had by asking for them */
};

/* The entry of a code; for others one that fits the status: 400, 401, 403 and 413 are final. Never NULL. */
const struct kfs_refusal *kfs_refusal_of(const char *code, int status);

#endif
