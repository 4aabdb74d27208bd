/* What operations need to read their input and to fail. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/logger.h"
#include "backend/endpoint/api_internal.h"

#define TEXT_MAX 4096 /* of a message */

void api_tell(struct api_call *call, const char *type, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list args;

    if (call->failure.type != NULL)
        return;
    call->failure.type = type;
    call->failure.status = 400;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)kfs_buf_append(&call->failure.text, text, strlen(text));
}

void api_forget_failure(struct api_call *call)
{
    call->failure.type = NULL;
    call->failure.text.len = 0;
}

int api_dry_run(struct api_call *call)
{
    if (!call->dry_run)
        return 0;
    return api_fail(call, "DryRunOperationException",
                    "The request was rejected because the DryRun parameter was specified.");
}

void api_tell_internal(struct api_call *call, const char *why)
{
    kfs_log(KFS_LOG_ERROR, "API: %s: %s", call->operation != NULL ? call->operation->name : "request", why);
    if (call->failure.type == NULL) {
        call->failure.type = "InternalFailure";
        call->failure.status = 500;
    }
}

void api_tell_backend(struct api_call *call, const struct kfs_error *err)
{
    static const char *const types[] = {
        "InvalidArgumentException", "LimitExceededException",    "ProvisionedThroughputExceededException",
        "ResourceInUseException",   "ResourceNotFoundException", "ValidationException"};

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(err->aws_code, types[i]) == 0) {
            api_tell(call, types[i], "%s", err->text);
            return;
        }
    }
    if (err->code == EDQUOT)
        api_tell(call, "LimitExceededException", "%s", err->text);
    else if (err->code == EPERM || err->code == EACCES)
        api_tell(call, "AccessDeniedException", "%s", err->text);
    else
        api_tell_internal(call, err->text);
}

/* ---- input ---- */

/* A NUL becomes a control character, which nothing that is valid holds, instead of an end: else a name would
 * mean the stream or the tag that it begins with. */
static const char *to_string(struct api_call *call, struct kfs_bytes bytes)
{
    char *text = kfs_arena_alloc(call->arena, bytes.len + 1);

    if (text == NULL || bytes.len == 0)
        return text;
    memcpy(text, bytes.data, bytes.len);
    for (char *nul = text; (nul = memchr(nul, '\0', (size_t)(text + bytes.len - nul))) != NULL;)
        *nul = '\1';
    return text;
}

const char *api_string(struct api_call *call, const struct kfs_value *map, const char *name)
{
    const struct kfs_value *value = kfs_value_get(map, name);

    return value == NULL ? NULL : to_string(call, value->bytes);
}

const char *api_text_of(struct api_call *call, const struct kfs_value *value)
{
    return to_string(call, value->bytes);
}

const char *api_copy(struct api_call *call, const char *text)
{
    return to_string(call, (struct kfs_bytes){text, strlen(text)});
}

bool api_has(const struct api_call *call, const char *name)
{
    return kfs_value_get(call->in, name) != NULL;
}

int64_t api_integer(const struct kfs_value *map, const char *name, int64_t otherwise)
{
    const struct kfs_value *value = kfs_value_get(map, name);

    return value == NULL ? otherwise : value->integer;
}

bool api_bool(const struct kfs_value *map, const char *name)
{
    const struct kfs_value *value = kfs_value_get(map, name);

    return value != NULL && value->boolean;
}

bool api_time_ms(const struct kfs_value *map, const char *name, uint64_t *ms)
{
    const struct kfs_value *value = kfs_value_get(map, name);

    if (value == NULL)
        return false;
    if (!(value->number > 0))
        *ms = 0;
    else if (value->number >= 9e15)
        *ms = UINT64_C(9000000000000000);
    else
        *ms = (uint64_t)value->number;
    return true;
}
