#include "backend/base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 256

void kfs_buf_init(struct kfs_buf *buf, size_t max)
{
    *buf = (struct kfs_buf){.max = max};
}

void kfs_buf_release(struct kfs_buf *buf)
{
    free(buf->data);
    kfs_buf_init(buf, buf->max);
}

int kfs_buf_reserve(struct kfs_buf *buf, size_t more)
{
    if (more > buf->max - buf->len)
        return -EMSGSIZE;
    if (buf->len + more <= buf->cap)
        return 0;

    size_t cap = buf->cap > 0 ? buf->cap : buf->max < FIRST_CAP ? buf->max : FIRST_CAP;
    while (cap < buf->len + more)
        cap = cap > buf->max / 2 ? buf->max : cap * 2;
    char *data = realloc(buf->data, cap);
    if (data == NULL)
        return -ENOMEM;
    buf->data = data;
    buf->cap = cap;
    return 0;
}

int kfs_buf_reserve_most(struct kfs_buf *buf, size_t more)
{
    size_t left = buf->max - buf->len;

    return kfs_buf_reserve(buf, more < left ? more : left);
}

int kfs_buf_append(struct kfs_buf *buf, const void *data, size_t len)
{
    int rc = kfs_buf_reserve(buf, len);

    if (rc != 0)
        return rc;
    if (len > 0)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    return 0;
}

int kfs_buf_printf(struct kfs_buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int need = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (need < 0)
        return -EINVAL;
    /* vsnprintf writes a NUL that is not counted, so reserve one byte more. */
    int rc = kfs_buf_reserve(buf, (size_t)need + 1);
    if (rc != 0)
        return rc;
    va_start(args, format);
    (void)vsnprintf(buf->data + buf->len, (size_t)need + 1, format, args);
    va_end(args);
    buf->len += (size_t)need;
    return 0;
}
