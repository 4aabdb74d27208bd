/* Shared by the files of the FUSE shell. */
#ifndef KFS_FS_FUSE_INTERNAL_H
#define KFS_FS_FUSE_INTERNAL_H

#include "fs/fuse_ops.h"

struct kfs_fs *kfs_fuse_fs_of(fuse_req_t req);
struct kfs_node *kfs_fuse_node_of(fuse_req_t req, fuse_ino_t ino);

struct kfs_handle *kfs_fuse_handle_of(const struct fuse_file_info *fi);

/* Replies with an errno, or with success that has no body. rc: 0 or -errno. */
void kfs_fuse_reply_status(fuse_req_t req, int rc);

/* ---- fuse_sync.c ---- */
/* partial: the unfinished line becomes a record before. written: what a write replies with, 0 for others. wait_ms: 0,
 * or of a close. A signal ends the wait for an endpoint. */
void kfs_fuse_sync_then_reply(fuse_req_t req, struct kfs_handle *handle, size_t written, bool partial,
                              uint64_t wait_ms);

/* ---- fuse_dir.c ---- */
void kfs_fuse_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void kfs_fuse_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void kfs_fuse_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

/* ---- fuse_lock.c ---- */
void kfs_fuse_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int op);
void kfs_fuse_getlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *flock);
void kfs_fuse_setlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *flock, int sleep);

#endif
