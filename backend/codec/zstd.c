#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "backend/codec/compress.h"

#define MAGIC_BYTES 4
#define EXPANSION 4 /* how much is made room for at first, where a frame does not say */
#define EXPANSION_MIN 4096

struct context {
    ZSTD_CCtx *out; /* each made when first used */
    ZSTD_DCtx *in;  /* expands; given all of a frame at once, it needs no window besides the output */
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
    (void)ZSTD_freeCCtx(context->out);
    (void)ZSTD_freeDCtx(context->in);
    free(context);
}

/* -errno of a library's error. */
static int failure(size_t result)
{
    switch (ZSTD_getErrorCode(result)) {
    case ZSTD_error_dstSize_tooSmall:
        return -EMSGSIZE;
    case ZSTD_error_memory_allocation:
        return -ENOMEM;
    default:
        return -EINVAL;
    }
}

static int compress_zstd(void *arg, struct kfs_bytes from, struct kfs_buf *to)
{
    struct context *context = arg;
    size_t result;
    int rc;

    if (context->out == NULL) {
        context->out = ZSTD_createCCtx();
        if (context->out == NULL)
            return -ENOMEM;
        (void)ZSTD_CCtx_setParameter(context->out, ZSTD_c_checksumFlag, 1);
    }
    rc = kfs_buf_reserve_most(to, ZSTD_compressBound(from.len));
    if (rc != 0)
        return rc;
    if (to->cap == to->len)
        return -EMSGSIZE;
    result = ZSTD_compress2(context->out, to->data + to->len, to->cap - to->len, from.data, from.len);
    if (ZSTD_isError(result))
        return failure(result);
    to->len += result;
    return 0;
}

/* Not the formats of zstd before 0.8, which the library may know as well. */
static int check_magic(struct kfs_bytes frame)
{
    const uint8_t *b = frame.data;
    uint32_t magic;

    if (frame.len < MAGIC_BYTES)
        return -EINVAL;
    magic = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    return magic == ZSTD_MAGICNUMBER || (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START ? 0 : -EINVAL;
}

/* Into the room that there is. */
static int expand_into(ZSTD_DCtx *in, struct kfs_bytes frame, struct kfs_buf *to)
{
    size_t room = to->cap - to->len;
    char none;
    size_t result = ZSTD_decompressDCtx(in, room > 0 ? to->data + to->len : &none, room, frame.data, frame.len);

    if (ZSTD_isError(result))
        return failure(result);
    to->len += result;
    return 0;
}

/* Expands one frame. Where it does not say how long it is, room is doubled until it is
 * enough, and each time begun anew: that costs less than twice the last. */
static int expand_frame(ZSTD_DCtx *in, struct kfs_bytes frame, struct kfs_buf *to)
{
    unsigned long long size = ZSTD_getFrameContentSize(frame.data, frame.len);
    size_t want = EXPANSION * frame.len > EXPANSION_MIN ? EXPANSION * frame.len : EXPANSION_MIN;
    bool known = size != ZSTD_CONTENTSIZE_UNKNOWN;
    int rc;

    if (size == ZSTD_CONTENTSIZE_ERROR)
        return -EINVAL;
    if (known && size > to->max - to->len)
        return -EMSGSIZE;
    if (known)
        want = (size_t)size;
    for (;;) {
        rc = kfs_buf_reserve_most(to, want);
        if (rc == 0)
            rc = expand_into(in, frame, to);
        if (rc != -EMSGSIZE || to->cap == to->max)
            return rc;
        if (known) /* it is longer than it says */
            return -EINVAL;
        want = 2 * (to->cap - to->len);
    }
}

static int expand_zstd(void *arg, struct kfs_bytes from, struct kfs_buf *to)
{
    struct context *context = arg;
    struct kfs_bytes rest = from;
    size_t len = to->len;
    int rc;

    if (context->in == NULL) {
        context->in = ZSTD_createDCtx();
        if (context->in == NULL)
            return -ENOMEM;
    }
    do {
        struct kfs_bytes frame = {rest.data, 0};

        rc = check_magic(rest);
        if (rc != 0)
            break;
        frame.len = ZSTD_findFrameCompressedSize(rest.data, rest.len);
        if (ZSTD_isError(frame.len)) {
            rc = -EINVAL;
            break;
        }
        rc = expand_frame(context->in, frame, to);
        rest = (struct kfs_bytes){(const uint8_t *)rest.data + frame.len, rest.len - frame.len};
    } while (rc == 0 && rest.len > 0);
    if (rc != 0)
        to->len = len;
    return rc;
}

const struct kfs_compression kfs_zstd = {
    .name = "zstd",
    .context_new = context_new,
    .context_free = context_free,
    .compress = compress_zstd,
    .expand = expand_zstd,
};
