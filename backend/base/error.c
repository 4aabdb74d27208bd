#include "backend/base/error.h"

#include <stdio.h>
#include <string.h>

static void fill(struct kfs_error *err, int code, const char *aws_code, const char *format, va_list args)
{
    if (err == NULL)
        return;
    err->code = code;
    err->retryable = false;
    err->request_id[0] = '\0';
    (void)snprintf(err->aws_code, sizeof err->aws_code, "%s", aws_code);
    (void)vsnprintf(err->text, sizeof err->text, format, args);
}

int kfs_fail(struct kfs_error *err, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fill(err, code, "", format, args);
    va_end(args);
    return -code;
}

int kfs_fail_aws(struct kfs_error *err, int code, const char *aws_code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fill(err, code, aws_code, format, args);
    va_end(args);
    return -code;
}
