/* Shared by the files of the FUSE shell. */
#ifndef KFS_FS_FUSE_INTERNAL_H
#define KFS_FS_FUSE_INTERNAL_H

#include "fs/fuse_ops.h"

struct kfs_fs *kfs_fuse_fs_of(fuse_req_t req);
struct kfs_node *kfs_fuse_node_of(fuse_req_t req, fuse_ino_t ino);

struct kfs_handle *kfs_fuse_handle_of(const struct fuse_file_info *fi);

/* Replies with an errno, or with success that has no body. rc: 0 or -errno. */
void kfs_fuse_reply_status(fuse_req_t req, int rc);

/* ---- fuse_call.c ---- */

/* A request, for who serves it: at first what the kernel's handler was given, then a copy of it. */
struct kfs_fuse_call {
    fuse_req_t req;
    void (*serve)(struct kfs_fuse_call *call); /* calls the core, asks kfs_fuse_is_answered, replies */
    fuse_ino_t ino;
    const char *name; /* NULL: none */
    const char *data;
    size_t data_len;
    size_t size; /* what is asked for */
    off_t off;
    struct fuse_file_info fi;
    size_t written; /* of data */
    bool room;      /* it may wait for room in a spool */
    bool kept;      /* it is the copy */
};

/* Has it served: without waiting where the source is remote, and by a worker where that fails for want of patience. */
void kfs_fuse_serve(struct kfs_fuse_call *call);
/* Has it served by a worker: for what cannot be tried twice. */
void kfs_fuse_keep(const struct kfs_fuse_call *call);
/* Before the reply, with what the core returned. False: it is served again, and not to be replied to. */
bool kfs_fuse_is_answered(const struct kfs_fuse_call *call, int rc);

struct kfs_fuse_pool *kfs_fuse_pool_new(void); /* NULL: no memory */
/* Interrupts what is kept, and returns when all has been replied to. */
void kfs_fuse_pool_stop(struct kfs_fuse_pool *pool);
void kfs_fuse_pool_free(struct kfs_fuse_pool *pool); /* after stop; takes NULL */

/* ---- fuse_name.c ---- */
void kfs_fuse_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void kfs_fuse_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void kfs_fuse_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void kfs_fuse_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void kfs_fuse_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent, const char *newname,
                     unsigned int flags);
void kfs_fuse_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname);
void kfs_fuse_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name);
void kfs_fuse_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void kfs_fuse_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi);

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
