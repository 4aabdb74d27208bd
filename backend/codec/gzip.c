#define ZLIB_CONST /* so that input need not be writable */

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

#include "backend/codec/compress.h"

#define GZIP_WINDOW_BITS (16 + MAX_WBITS) /* 16: with gzip's header and trailer */
#define MEMORY_LEVEL 8                    /* zlib's default */
#define EXPANSION 4                       /* how much is made room for at first */

struct context {
    z_stream in; /* expands */
    z_stream out;
    bool has_in; /* made when first used: out takes 256 KiB, in 40 KiB */
    bool has_out;
};

static void *context_new(void)
{
    return calloc(1, sizeof(struct context));
}

static void context_free(void *arg)
{
    struct context *context = arg;

    if (context == NULL)
        return;
    if (context->has_in)
        (void)inflateEnd(&context->in);
    if (context->has_out)
        (void)deflateEnd(&context->out);
    free(context);
}

static unsigned room(const struct kfs_buf *buf)
{
    size_t free_bytes = buf->cap - buf->len;

    return free_bytes < UINT_MAX ? (unsigned)free_bytes : UINT_MAX;
}

static int start_out(struct context *context)
{
    if (context->has_out)
        return deflateReset(&context->out) == Z_OK ? 0 : -EINVAL;
    if (deflateInit2(&context->out, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return -ENOMEM;
    context->has_out = true;
    return 0;
}

static int compress_gzip(void *arg, struct kfs_bytes from, struct kfs_buf *to)
{
    struct context *context = arg;
    z_stream *z = &context->out;
    unsigned before;
    int rc;

    if (from.len > UINT_MAX)
        return -EMSGSIZE;
    rc = start_out(context);
    if (rc == 0)
        rc = kfs_buf_reserve_most(to, deflateBound(z, from.len));
    if (rc != 0)
        return rc;
    before = room(to);
    if (before == 0)
        return -EMSGSIZE;
    z->next_in = from.data;
    z->avail_in = (unsigned)from.len;
    z->next_out = (unsigned char *)to->data + to->len;
    z->avail_out = before;
    if (deflate(z, Z_FINISH) != Z_STREAM_END)
        return -EMSGSIZE;
    to->len += before - z->avail_out;
    return 0;
}

static int start_in(struct context *context)
{
    if (context->has_in)
        return inflateReset(&context->in) == Z_OK ? 0 : -EINVAL;
    if (inflateInit2(&context->in, GZIP_WINDOW_BITS) != Z_OK)
        return -ENOMEM;
    context->has_in = true;
    return 0;
}

/* Expands until the buffer is full or the member at its end, which says *ended. Where
 * nothing more may be put into it, only the end of the member is left to come. */
static int expand_some(z_stream *z, struct kfs_buf *to, bool *ended)
{
    unsigned char beyond;
    unsigned before = room(to);
    int rc;

    z->next_out = before > 0 ? (unsigned char *)to->data + to->len : &beyond;
    z->avail_out = before > 0 ? before : 1;
    rc = inflate(z, Z_NO_FLUSH);
    if (before > 0)
        to->len += before - z->avail_out;
    else if (z->avail_out == 0)
        return -EMSGSIZE;
    *ended = rc == Z_STREAM_END;
    if (rc == Z_MEM_ERROR)
        return -ENOMEM;
    if (!*ended && (rc != Z_OK || z->avail_out > 0)) /* damaged, or cut */
        return -EINVAL;
    return 0;
}

/* One member. */
static int expand_member(z_stream *z, struct kfs_buf *to)
{
    bool ended = false;
    int rc = 0;

    while (rc == 0 && !ended) {
        if (room(to) == 0)
            rc = kfs_buf_reserve_most(to, 1);
        if (rc == 0)
            rc = expand_some(z, to, &ended);
    }
    return rc;
}

static int expand_gzip(void *arg, struct kfs_bytes from, struct kfs_buf *to)
{
    struct context *context = arg;
    z_stream *z = &context->in;
    size_t len = to->len;
    int rc;

    if (from.len > UINT_MAX / EXPANSION)
        return -EMSGSIZE;
    rc = start_in(context);
    if (rc != 0)
        return rc;
    z->next_in = from.data;
    z->avail_in = (unsigned)from.len;
    rc = kfs_buf_reserve_most(to, EXPANSION * from.len);
    if (rc == 0)
        rc = expand_member(z, to);
    while (rc == 0 && z->avail_in > 0) {
        rc = inflateReset(z) == Z_OK ? expand_member(z, to) : -EINVAL;
    }
    if (rc != 0)
        to->len = len;
    return rc;
}

const struct kfs_compression kfs_gzip = {
    .name = "gzip",
    .context_new = context_new,
    .context_free = context_free,
    .compress = compress_gzip,
    .expand = expand_gzip,
};
