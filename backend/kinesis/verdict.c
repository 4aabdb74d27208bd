#include "backend/kinesis/verdict.h"

#include <errno.h>
#include <string.h>

#include "backend/kinesis/refusal.h"

#define STATUS_REFUSED 400

enum remote_verdict remote_verdict_of(const struct kfs_error *failure)
{
    const char *code = failure->aws_code;

    if (strcmp(code, "ResourceNotFoundException") == 0)
        return REMOTE_NO_STREAM;
    if (strcmp(code, "AccessDeniedException") == 0 || strcmp(code, "AccessDenied") == 0 || strncmp(code, "KMS", 3) == 0)
        return failure->retryable ? REMOTE_LATER : REMOTE_DENIED;
    if (failure->code == EACCES)
        return REMOTE_UNPROVED;
    if (failure->retryable)
        return REMOTE_LATER;
    return failure->code == EINVAL || failure->code == EMSGSIZE ? REMOTE_BAD : REMOTE_LATER;
}

bool remote_is_throttle(const char *aws_code)
{
    return kfs_refusal_of(aws_code, STATUS_REFUSED)->throttled;
}

bool remote_is_unreachable(const struct kfs_error *failure)
{
    return failure->aws_code[0] == '\0' && (failure->code == EHOSTUNREACH || failure->code == ETIMEDOUT);
}
