/* Errors: functions return 0 (or a count) on success and -errno on failure;
 * what cannot be said in an errno goes into an optional struct kfs_error.
 * Outputs are untouched on failure. Nothing here logs: the edge does, once. */
#ifndef KFS_BASE_ERROR_H
#define KFS_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

#define KFS_ERROR_TEXT_MAX 400
#define KFS_ERROR_CODE_MAX 64

struct kfs_error {
    int code;                            /* positive errno; 0 while nothing failed */
    bool retryable;                      /* the same call may succeed later */
    char text[KFS_ERROR_TEXT_MAX];       /* what was wrong and what to do; no payload, no secret */
    char aws_code[KFS_ERROR_CODE_MAX];   /* e.g. ResourceNotFoundException, "HTTP-503", or "" */
    char request_id[KFS_ERROR_CODE_MAX]; /* of the endpoint, or "" */
};

/* Fills err (which may be NULL) and returns -code. code is a positive errno. */
int kfs_fail(struct kfs_error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same with an AWS error code, for rules that the Kinesis API names. */
int kfs_fail_aws(struct kfs_error *err, int code, const char *aws_code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
