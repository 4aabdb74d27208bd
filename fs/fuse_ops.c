#include "fs/fuse_internal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/patience.h"

#define READ_BYTES_MAX (1U << 20) /* what the kernel asks for at once, 256 pages */
#define XATTR_BYTES_MAX 16384U    /* the names of 50 tags, of 128 characters in UTF-8 */

struct kfs_fs *kfs_fuse_fs_of(fuse_req_t req)
{
    return ((struct kfs_fuse *)fuse_req_userdata(req))->fs;
}

struct kfs_node *kfs_fuse_node_of(fuse_req_t req, fuse_ino_t ino)
{
    return ino == FUSE_ROOT_ID ? kfs_fs_root(kfs_fuse_fs_of(req)) : (struct kfs_node *)(uintptr_t)ino;
}

struct kfs_handle *kfs_fuse_handle_of(const struct fuse_file_info *fi)
{
    return (struct kfs_handle *)(uintptr_t)fi->fh;
}

void kfs_fuse_reply_status(fuse_req_t req, int rc)
{
    (void)fuse_reply_err(req, -rc);
}

/* ---- nodes ---- */

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
    kfs_fs_forget(kfs_fuse_fs_of(req), kfs_fuse_node_of(req, ino), nlookup);
    fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
    for (size_t i = 0; i < count; i++)
        kfs_fs_forget(kfs_fuse_fs_of(req), kfs_fuse_node_of(req, forgets[i].ino), forgets[i].nlookup);
    fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    const struct kfs_patience_state before = kfs_patience_enter(KFS_AT_ONCE, NULL);
    struct stat st;
    int rc = kfs_fs_getattr(kfs_fuse_fs_of(req), kfs_fuse_node_of(req, ino), &st);

    (void)fi;
    kfs_patience_leave(&before);
    if (rc != 0)
        kfs_fuse_reply_status(req, rc);
    else
        (void)fuse_reply_attr(req, &st, 0);
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi)
{
    struct kfs_fs *fs = kfs_fuse_fs_of(req);
    struct kfs_node *node = kfs_fuse_node_of(req, ino);
    const struct kfs_patience_state before = kfs_patience_enter(KFS_AT_ONCE, NULL);
    int rc = 0;

    if ((to_set & FUSE_SET_ATTR_SIZE) != 0)
        rc = kfs_fs_truncate(fs, node, (uint64_t)attr->st_size);
    if (rc == 0 && (to_set & FUSE_SET_ATTR_MODE) != 0)
        rc = kfs_fs_chmod(fs, node, attr->st_mode);
    if (rc == 0 && (to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) != 0)
        rc = kfs_fs_chown(fs, node, (to_set & FUSE_SET_ATTR_UID) != 0 ? attr->st_uid : (uid_t)-1,
                          (to_set & FUSE_SET_ATTR_GID) != 0 ? attr->st_gid : (gid_t)-1);
    kfs_patience_leave(&before);
    if (rc != 0)
        kfs_fuse_reply_status(req, rc);
    else
        op_getattr(req, ino, fi);
}

/* ---- files ---- */

static void serve_open(struct kfs_fuse_call *call)
{
    struct kfs_fs *fs = kfs_fuse_fs_of(call->req);
    struct kfs_handle *handle;
    int rc = kfs_fs_open(fs, kfs_fuse_node_of(call->req, call->ino), call->fi.flags, &handle);

    if (!kfs_fuse_is_answered(call, rc))
        return;
    if (rc != 0) {
        kfs_fuse_reply_status(call->req, rc);
        return;
    }
    call->fi.fh = (uintptr_t)handle;
    call->fi.direct_io = 1; /* page-cached readers of a growing file see NUL bytes */
    if (fuse_reply_open(call->req, &call->fi) != 0)
        kfs_fs_release(fs, handle);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    kfs_fuse_serve(&(struct kfs_fuse_call){.req = req, .serve = serve_open, .ino = ino, .fi = *fi});
}

/* No one is there to be told that an unfinished line finds no room in the spool: it takes it. */
static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    const struct kfs_patience_state before = kfs_patience_enter(KFS_FORCED, NULL);

    (void)ino;
    kfs_fs_release(kfs_fuse_fs_of(req), kfs_fuse_handle_of(fi));
    kfs_patience_leave(&before);
    kfs_fuse_reply_status(req, 0);
}

static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct kfs_fs *fs = kfs_fuse_fs_of(req);
    struct kfs_handle *handle = kfs_fuse_handle_of(fi);

    (void)ino;
    const struct kfs_patience_state before = kfs_patience_enter(KFS_AT_ONCE, NULL);
    int rc = kfs_fs_flush(fs, handle, fi->lock_owner);
    kfs_patience_leave(&before);
    uint64_t wait_ms = rc == 0 ? kfs_fs_close_wait(fs, handle) : 0;
    if (wait_ms > 0)
        kfs_fuse_sync_then_reply(req, handle, 0, false, wait_ms);
    else
        kfs_fuse_reply_status(req, rc);
}

static void serve_fsync(struct kfs_fuse_call *call)
{
    (void)kfs_fuse_is_answered(call, 0); /* the sync has an interruption of its own */
    kfs_fuse_sync_then_reply(call->req, kfs_fuse_handle_of(&call->fi), 0, true, 0);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    struct kfs_fuse_call call = {.req = req, .serve = serve_fsync, .ino = ino, .fi = *fi, .room = true};

    (void)datasync;
    /* It cannot be tried twice, and an unfinished line may have to wait for room in the spool. */
    if (kfs_fs_is_remote(kfs_fuse_fs_of(req)) && kfs_fs_has_partial(kfs_fuse_handle_of(fi)))
        kfs_fuse_keep(&call);
    else
        serve_fsync(&call);
}

/* A part that was taken before the rest had to wait is not told yet: the rest follows it. */
static void serve_write(struct kfs_fuse_call *call)
{
    struct kfs_fs *fs = kfs_fuse_fs_of(call->req);
    struct kfs_handle *handle = kfs_fuse_handle_of(&call->fi);
    size_t left = call->data_len - call->written;
    bool durable = false;
    ssize_t n =
        kfs_fs_write(fs, handle, (uint64_t)call->off + call->written, call->data + call->written, left, &durable);

    if (n > 0)
        call->written += (size_t)n;
    if (!kfs_fuse_is_answered(call, n > 0 && (size_t)n < left ? -EINPROGRESS : (int)n))
        return;
    if (call->written == 0)
        kfs_fuse_reply_status(call->req, (int)n);
    else if (durable || (call->fi.flags & O_DSYNC) != 0) /* here and not at open it is pwritev2's RWF_DSYNC */
        kfs_fuse_sync_then_reply(call->req, handle, call->written, false, 0);
    else
        (void)fuse_reply_write(call->req, call->written);
    if (n > 0)
        kfs_fs_deliver(fs);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off, struct fuse_file_info *fi)
{
    kfs_fuse_serve(&(struct kfs_fuse_call){.req = req,
                                           .serve = serve_write,
                                           .ino = ino,
                                           .data = buf,
                                           .data_len = size,
                                           .off = off,
                                           .fi = *fi,
                                           .room = true});
}

/* ---- reading ---- */

static pthread_key_t read_buffer_key;
static pthread_once_t read_buffer_once = PTHREAD_ONCE_INIT;

static void make_read_buffer_key(void)
{
    (void)pthread_key_create(&read_buffer_key, free);
}

/* A buffer that each thread keeps: allocating 1 MiB a read costs more than reading it. */
static char *read_buffer(void)
{
    (void)pthread_once(&read_buffer_once, make_read_buffer_key);
    char *buffer = pthread_getspecific(read_buffer_key);
    if (buffer == NULL) {
        buffer = malloc(READ_BYTES_MAX);
        (void)pthread_setspecific(read_buffer_key, buffer);
    }
    return buffer;
}

/* A read that found nothing and waits: the request is kept, no thread is.
 *
 * Whoever has it out of the core's hands replies and frees it. An interrupt may
 * come at any time: the core orders it with going to wait, and the request's own
 * lock (taken by fuse_req_interrupt_func) with the reply. */
struct parked_read {
    struct kfs_waiter waiter;
    struct kfs_fs *fs;
    struct kfs_handle *handle;
    fuse_req_t req;
    uint64_t offset;
    size_t size;
};

static void interrupted(fuse_req_t req, void *data)
{
    struct parked_read *parked = data;

    if (kfs_fs_cancel(parked->fs, parked->handle, &parked->waiter)) {
        (void)fuse_reply_err(req, EINTR);
        free(parked);
    }
}

typedef ssize_t read_function(struct kfs_fs *fs, struct kfs_handle *handle, uint64_t offset, char *data, size_t len);

/* A mapping, and from Linux 6.5 on sendfile and splice, read through the kernel's cache although the file is direct_io;
 * only read(2) tells who reads. What copies so reads instead where it is refused. */
static read_function *reads_for(const struct fuse_file_info *fi)
{
    return fi->lock_owner == 0 ? kfs_fs_read_page : kfs_fs_read;
}

/* Whoever opened the file has waited for the endpoint: a read has what has come since, and does not wait. */
static ssize_t read_at_once(struct kfs_fs *fs, struct kfs_handle *handle, uint64_t offset, char *data, size_t len,
                            read_function *read)
{
    const struct kfs_patience_state before = kfs_patience_enter(KFS_AT_ONCE, NULL);
    ssize_t n = data == NULL ? -ENOMEM : read(fs, handle, offset, data, len);

    kfs_patience_leave(&before);
    return n;
}

/* Reads, waits or replies; parked is not in the core's hands. */
static void serve_parked(struct parked_read *parked)
{
    char *buffer = read_buffer();
    ssize_t n = -EAGAIN;

    while (n == -EAGAIN) {
        kfs_fs_prepare_wait(parked->handle, &parked->waiter);
        n = read_at_once(parked->fs, parked->handle, parked->offset, buffer, parked->size, kfs_fs_read);
        if (n != KFS_FS_WAIT)
            break;
        n = kfs_fs_wait(parked->fs, parked->handle, &parked->waiter);
        if (n == 0)
            return; /* parked may be gone */
    }
    /* After this `interrupted` is not running and will not. */
    fuse_req_interrupt_func(parked->req, NULL, NULL);
    if (n < 0)
        kfs_fuse_reply_status(parked->req, (int)n);
    else
        (void)fuse_reply_buf(parked->req, buffer, (size_t)n);
    free(parked);
}

static void parked_done(struct kfs_waiter *waiter, int error)
{
    struct parked_read *parked = (struct parked_read *)waiter;

    if (error != 0) {
        fuse_req_interrupt_func(parked->req, NULL, NULL);
        kfs_fuse_reply_status(parked->req, error);
        free(parked);
        return;
    }
    serve_parked(parked);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
    char *buffer = read_buffer();

    (void)ino;
    if (size > READ_BYTES_MAX)
        size = READ_BYTES_MAX;
    ssize_t n = read_at_once(kfs_fuse_fs_of(req), kfs_fuse_handle_of(fi), (uint64_t)off, buffer, size, reads_for(fi));
    if (n >= 0) {
        (void)fuse_reply_buf(req, buffer, (size_t)n);
        return;
    }
    if (n != KFS_FS_WAIT || (fi->flags & O_NONBLOCK) != 0) {
        kfs_fuse_reply_status(req, n == KFS_FS_WAIT ? -EAGAIN : (int)n);
        return;
    }
    struct parked_read *parked = malloc(sizeof *parked);
    if (parked == NULL) {
        kfs_fuse_reply_status(req, -ENOMEM);
        return;
    }
    *parked = (struct parked_read){.waiter = {.done = parked_done},
                                   .fs = kfs_fuse_fs_of(req),
                                   .handle = kfs_fuse_handle_of(fi),
                                   .req = req,
                                   .offset = (uint64_t)off,
                                   .size = size};
    fuse_req_interrupt_func(req, interrupted, parked);
    serve_parked(parked);
}

/* ---- polling ---- */

/* The kernel's handle for whom to wake; the newest of an open file counts. */
static void wake_poll(void *arg)
{
    (void)fuse_lowlevel_notify_poll(arg);
}

static void release_poll(void *arg)
{
    fuse_pollhandle_destroy(arg);
}

static void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph)
{
    const struct kfs_notify notify = {wake_poll, release_poll, ph};
    struct kfs_fs *fs = kfs_fuse_fs_of(req);
    unsigned int events = POLLOUT | POLLWRNORM;
    const struct kfs_patience_state before = kfs_patience_enter(KFS_AT_ONCE, NULL);

    (void)ino;
    if (ph != NULL)
        kfs_fs_on_readable(fs, kfs_fuse_handle_of(fi), &notify);
    if (kfs_fs_readable(fs, kfs_fuse_handle_of(fi)))
        events |= POLLIN | POLLRDNORM;
    kfs_patience_leave(&before);
    (void)fuse_reply_poll(req, events);
}

/* ---- attributes and space ---- */

/* size 0 asks how large it is. n: that, or -errno. */
static void reply_xattr(struct kfs_fuse_call *call, const char *bytes, ssize_t n)
{
    if (!kfs_fuse_is_answered(call, (int)n))
        return;
    if (n < 0)
        kfs_fuse_reply_status(call->req, (int)n);
    else if (call->size == 0)
        (void)fuse_reply_xattr(call->req, (size_t)n);
    else
        (void)fuse_reply_buf(call->req, bytes, (size_t)n);
}

static void serve_getxattr(struct kfs_fuse_call *call)
{
    char value[XATTR_BYTES_MAX];
    size_t size = call->size < sizeof value ? call->size : sizeof value;

    reply_xattr(
        call, value,
        kfs_fs_getxattr(kfs_fuse_fs_of(call->req), kfs_fuse_node_of(call->req, call->ino), call->name, value, size));
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
    kfs_fuse_serve(
        &(struct kfs_fuse_call){.req = req, .serve = serve_getxattr, .ino = ino, .name = name, .size = size});
}

static void serve_listxattr(struct kfs_fuse_call *call)
{
    char list[XATTR_BYTES_MAX];
    size_t size = call->size < sizeof list ? call->size : sizeof list;

    reply_xattr(call, list,
                kfs_fs_listxattr(kfs_fuse_fs_of(call->req), kfs_fuse_node_of(call->req, call->ino), list, size));
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
    kfs_fuse_serve(&(struct kfs_fuse_call){.req = req, .serve = serve_listxattr, .ino = ino, .size = size});
}

static void serve_setxattr(struct kfs_fuse_call *call)
{
    int rc = kfs_fs_setxattr(kfs_fuse_fs_of(call->req), kfs_fuse_node_of(call->req, call->ino), call->name, call->data,
                             call->data_len);

    if (kfs_fuse_is_answered(call, rc))
        kfs_fuse_reply_status(call->req, rc);
}

static void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
    (void)flags;
    kfs_fuse_serve(&(struct kfs_fuse_call){
        .req = req, .serve = serve_setxattr, .ino = ino, .name = name, .data = value, .data_len = size});
}

static void serve_removexattr(struct kfs_fuse_call *call)
{
    int rc = kfs_fs_removexattr(kfs_fuse_fs_of(call->req), kfs_fuse_node_of(call->req, call->ino), call->name);

    if (kfs_fuse_is_answered(call, rc))
        kfs_fuse_reply_status(call->req, rc);
}

static void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
    kfs_fuse_serve(&(struct kfs_fuse_call){.req = req, .serve = serve_removexattr, .ino = ino, .name = name});
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    const unsigned long block = 4096;
    struct kfs_space space;

    (void)ino;
    int rc = kfs_fs_space(kfs_fuse_fs_of(req), &space);
    if (rc != 0) {
        kfs_fuse_reply_status(req, rc);
        return;
    }
    const struct statvfs st = {.f_bsize = block,
                               .f_frsize = block,
                               .f_blocks = space.total_bytes / block,
                               .f_bfree = space.free_bytes / block,
                               .f_bavail = space.free_bytes / block,
                               .f_files = space.total_files,
                               .f_ffree = space.free_files,
                               .f_favail = space.free_files,
                               .f_namemax = NAME_MAX};
    (void)fuse_reply_statfs(req, &st);
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
    (void)userdata;
    conn->want &= ~(unsigned int)FUSE_CAP_WRITEBACK_CACHE; /* it loses the order and bounds of writes */
    conn->want &= ~(unsigned int)FUSE_CAP_ASYNC_DIO;       /* parts of one write would overtake each other */
    conn->want |= conn->capable & (unsigned int)(FUSE_CAP_FLOCK_LOCKS | FUSE_CAP_POSIX_LOCKS);
    conn->max_background = 512; /* releases and waiting reads do not hold each other up */
    conn->congestion_threshold = 384;
}

const struct fuse_lowlevel_ops kfs_fuse_ops = {
    .init = op_init,
    .lookup = kfs_fuse_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .setattr = op_setattr,
    .mkdir = kfs_fuse_mkdir,
    .rmdir = kfs_fuse_rmdir,
    .unlink = kfs_fuse_unlink,
    .rename = kfs_fuse_rename,
    .link = kfs_fuse_link,
    .symlink = kfs_fuse_symlink,
    .mknod = kfs_fuse_mknod,
    .create = kfs_fuse_create,
    .opendir = kfs_fuse_opendir,
    .readdir = kfs_fuse_readdir,
    .releasedir = kfs_fuse_releasedir,
    .open = op_open,
    .release = op_release,
    .read = op_read,
    .write = op_write,
    .flush = op_flush,
    .fsync = op_fsync,
    .poll = op_poll,
    .flock = kfs_fuse_flock,
    .getlk = kfs_fuse_getlk,
    .setlk = kfs_fuse_setlk,
    .getxattr = op_getxattr,
    .listxattr = op_listxattr,
    .setxattr = op_setxattr,
    .removexattr = op_removexattr,
    .statfs = op_statfs,
};
