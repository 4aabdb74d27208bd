/* The FUSE shell's part for locks. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>

#include "fs/fuse_internal.h"

/* A request that waits for a lock. Whoever has it out of the core's hands replies and frees it, as with a read. */
struct parked_lock {
    struct kfs_lock_wait wait;
    struct kfs_fs *fs;
    fuse_req_t req;
};

static void reply_and_free(struct parked_lock *parked, int rc)
{
    fuse_req_interrupt_func(parked->req, NULL, NULL);
    kfs_fuse_reply_status(parked->req, rc);
    free(parked);
}

static void done(struct kfs_lock_wait *wait, int error)
{
    reply_and_free((struct parked_lock *)wait, error);
}

static void interrupted(fuse_req_t req, void *data)
{
    struct parked_lock *parked = data;

    if (kfs_fs_cancel_lock(parked->fs, &parked->wait)) {
        (void)fuse_reply_err(req, EINTR);
        free(parked);
    }
}

static void set_lock(fuse_req_t req, struct fuse_file_info *fi, struct kfs_lock *lock, bool sleep)
{
    struct kfs_fs *fs = kfs_fuse_fs_of(req);

    if (!sleep) {
        kfs_fuse_reply_status(req, kfs_fs_lock(fs, kfs_fuse_handle_of(fi), lock, NULL));
        return;
    }
    struct parked_lock *parked = malloc(sizeof *parked);
    if (parked == NULL) {
        kfs_fuse_reply_status(req, -ENOLCK);
        return;
    }
    *parked = (struct parked_lock){.wait = {.done = done}, .fs = fs, .req = req};
    fuse_req_interrupt_func(req, interrupted, parked);
    int rc = kfs_fs_lock(fs, kfs_fuse_handle_of(fi), lock, &parked->wait);
    if (rc != KFS_LOCK_WAITS)
        reply_and_free(parked, rc);
}

void kfs_fuse_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int op)
{
    int type = op & ~LOCK_NB;
    struct kfs_lock lock = {.kind = KFS_LOCK_FLOCK,
                            .type = type == LOCK_EX   ? F_WRLCK
                                    : type == LOCK_SH ? F_RDLCK
                                                      : F_UNLCK,
                            .owner = fi->lock_owner,
                            .last = KFS_LOCK_LAST};

    (void)ino;
    set_lock(req, fi, &lock, (op & LOCK_NB) == 0);
}

static struct kfs_lock lock_of(const struct fuse_file_info *fi, const struct flock *flock)
{
    uint64_t start = (uint64_t)flock->l_start;

    return (struct kfs_lock){.kind = KFS_LOCK_FCNTL,
                             .type = flock->l_type,
                             .owner = fi->lock_owner,
                             .start = start,
                             .last = flock->l_len == 0 ? KFS_LOCK_LAST : start + (uint64_t)flock->l_len - 1,
                             .pid = flock->l_pid};
}

void kfs_fuse_setlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *flock, int sleep)
{
    struct kfs_lock lock = lock_of(fi, flock);

    (void)ino;
    set_lock(req, fi, &lock, sleep != 0);
}

void kfs_fuse_getlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *flock)
{
    struct kfs_lock lock = lock_of(fi, flock);

    (void)ino;
    kfs_fs_getlock(kfs_fuse_fs_of(req), kfs_fuse_handle_of(fi), &lock);
    flock->l_type = (short)lock.type;
    flock->l_whence = SEEK_SET;
    flock->l_start = (off_t)lock.start;
    flock->l_len = lock.last == KFS_LOCK_LAST ? 0 : (off_t)(lock.last - lock.start + 1);
    flock->l_pid = lock.pid;
    (void)fuse_reply_lock(req, flock);
}
