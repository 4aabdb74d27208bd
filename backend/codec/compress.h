/* Compression, record by record: each is compressed by itself, and nothing of one is
 * needed for another. */
#ifndef KFS_CODEC_COMPRESS_H
#define KFS_CODEC_COMPRESS_H

#include "backend/base/buf.h"

/* A kind of it. A context holds memory to be used again, and no state from call to
 * call; one is used by one thread at a time. On failure `to` is as long as before. */
struct kfs_compression {
    const char *name;             /* as its view is called */
    void *(*context_new)(void);   /* NULL: no memory */
    void (*context_free)(void *); /* takes NULL */

    /* Appends what `from` is compressed, at the library's default level, with a
     * checksum. -EMSGSIZE where it does not fit into to->max, -ENOMEM. */
    int (*compress)(void *context, struct kfs_bytes from, struct kfs_buf *to);

    /* Appends what was compressed: one piece or several (gzip's members, zstd's frames)
     * one after the other, and nothing else. to->max bounds what a small record may
     * become; more is -EMSGSIZE. No header can make it take more memory than that. -EINVAL for
     * anything not made by this kind, cut, damaged, or with something behind it: to be
     * shown as it is. -ENOMEM. */
    int (*expand)(void *context, struct kfs_bytes from, struct kfs_buf *to);
};

extern const struct kfs_compression kfs_gzip; /* RFC 1952 */
extern const struct kfs_compression kfs_zstd; /* RFC 8878, without dictionaries */

#endif
