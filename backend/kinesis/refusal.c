/* Sources: the exceptions of the service's model of 2013-12-02 and its documentation's common errors; which
 * codes are transient and which throttle: botocore 1.43 retries/standard.py; codes of signing: the
 * documentation of Signature Version 4, and what SDKs take for a wrong clock. */
#include "backend/kinesis/refusal.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define ONCE false, false, false, false
#define AGAIN true, false, false, false
#define THROTTLED true, true, false, false
#define SKEW false, false, true, false
#define EXPIRED true, false, false, true

static const struct kfs_refusal table[] = {
    {"AccessDeniedException", EACCES, ONCE},
    {"AccessDenied", EACCES, ONCE},
    {"BandwidthLimitExceeded", EAGAIN, THROTTLED},
    {"DryRunOperationException", EPERM, ONCE},
    {"EC2ThrottledException", EAGAIN, THROTTLED},
    {"ExpiredIteratorException", ESTALE, ONCE},
    {"ExpiredNextTokenException", ESTALE, ONCE},
    {"ExpiredToken", EACCES, EXPIRED},
    {"ExpiredTokenException", EACCES, EXPIRED},
    {"IncompleteSignature", EACCES, ONCE},
    {"IncompleteSignatureException", EACCES, ONCE},
    {"InternalFailure", EHOSTUNREACH, AGAIN},
    {"InternalFailureException", EHOSTUNREACH, AGAIN},
    {"InternalServerError", EHOSTUNREACH, AGAIN},
    {"InvalidArgumentException", EINVAL, ONCE},
    {"InvalidClientTokenId", EACCES, EXPIRED},
    {"InvalidSignatureException", EACCES, SKEW},
    {"KMSAccessDeniedException", EACCES, ONCE},
    {"KMSDisabledException", EACCES, ONCE},
    {"KMSInvalidStateException", EACCES, ONCE},
    {"KMSNotFoundException", EACCES, ONCE},
    {"KMSOptInRequired", EACCES, ONCE},
    {"KMSThrottlingException", EAGAIN, THROTTLED},
    {"LimitExceededException", EDQUOT, THROTTLED}, /* calls a second, or what an account may have: the text says */
    {"MissingAuthenticationTokenException", EACCES, ONCE},
    {"NotAuthorized", EACCES, ONCE},
    {"OptInRequired", EACCES, ONCE},
    {"PriorRequestNotComplete", EAGAIN, THROTTLED},
    {"ProvisionedThroughputExceededException", EAGAIN, THROTTLED},
    {"RequestExpired", EACCES, SKEW},
    {"RequestInTheFuture", EACCES, SKEW},
    {"RequestLimitExceeded", EAGAIN, THROTTLED},
    {"RequestThrottled", EAGAIN, THROTTLED},
    {"RequestThrottledException", EAGAIN, THROTTLED},
    {"RequestTimeTooSkewed", EACCES, SKEW},
    {"RequestTimeout", ETIMEDOUT, AGAIN},
    {"RequestTimeoutException", ETIMEDOUT, AGAIN},
    {"ResourceInUseException", EEXIST, ONCE}, /* of a stream that is not ACTIVE too: who asked knows which */
    {"ResourceNotFoundException", ENOENT, ONCE},
    {"SerializationException", EINVAL, ONCE},
    {"ServiceUnavailable", EHOSTUNREACH, AGAIN},
    {"ServiceUnavailableException", EHOSTUNREACH, AGAIN},
    {"SignatureDoesNotMatch", EACCES, SKEW},
    {"SlowDown", EAGAIN, THROTTLED},
    {"Throttling", EAGAIN, THROTTLED},
    {"ThrottledException", EAGAIN, THROTTLED},
    {"ThrottlingException", EAGAIN, THROTTLED},
    {"TooManyRequestsException", EAGAIN, THROTTLED},
    {"TransactionInProgressException", EAGAIN, THROTTLED},
    {"UnknownOperationException", EOPNOTSUPP, ONCE},
    {"UnrecognizedClientException", EACCES, EXPIRED},
    {"ValidationException", EINVAL, ONCE},
};

static const struct kfs_refusal by_throttle = {"", EAGAIN, THROTTLED};
static const struct kfs_refusal by_failure = {"", EHOSTUNREACH, AGAIN};
static const struct kfs_refusal by_denial = {"", EACCES, ONCE};
static const struct kfs_refusal by_size = {"", EMSGSIZE, ONCE};
static const struct kfs_refusal by_status = {"", EINVAL, ONCE};

const struct kfs_refusal *kfs_refusal_of(const char *code, int status)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].code, code) == 0)
            return &table[i];
    switch (status) {
    case 429:
    case 509:
        return &by_throttle;
    case 401:
    case 403:
        return &by_denial;
    case 413:
        return &by_size;
    case 400:
        return code[0] != '\0' ? &by_status : &by_failure; /* Kinesis names a code */
    default:
        return &by_failure; /* 5xx; and what is no Kinesis endpoint at all: a proxy's page, a 404, a redirection */
    }
}
