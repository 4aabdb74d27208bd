/* Mounting, serving and unmounting. */
#ifndef KFS_FS_FUSE_SESSION_H
#define KFS_FS_FUSE_SESSION_H

#include "fs/fs.h"
#include "fs/options.h"

struct kfs_fuse_session;

/* Mounts; requests are answered from kfs_fuse_run on. What went wrong is
 * printed to stderr. NULL on failure. */
struct kfs_fuse_session *kfs_fuse_mount(struct kfs_fs *fs, const struct kfs_options *options, const char *mountpoint);

/* Serves until it is unmounted or kfs_fuse_stop is called. */
int kfs_fuse_run(struct kfs_fuse_session *session, const struct kfs_options *options);

/* From a signal handler: makes kfs_fuse_run return. */
void kfs_fuse_stop(struct kfs_fuse_session *session);

/* Unmounts, where that has not happened; requests still waiting must have been answered. */
void kfs_fuse_unmount(struct kfs_fuse_session *session);

#endif
