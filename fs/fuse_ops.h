/* The FUSE shell: decodes a request, calls the core once, replies once. */
#ifndef KFS_FS_FUSE_OPS_H
#define KFS_FS_FUSE_OPS_H

#include <fuse_lowlevel.h>
#include <stdatomic.h>

#include "fs/fs.h"

extern const struct fuse_lowlevel_ops kfs_fuse_ops;

struct kfs_fuse_pool;

/* What fuse_session_new gets as userdata. */
struct kfs_fuse {
    struct kfs_fs *fs;
    struct fuse_session *session; /* for notifications */
    struct kfs_fuse_pool *pool;   /* owned: who serves what has to wait */
    atomic_uint syncs;            /* requests that are answered when the backend has synced */
};

#endif
