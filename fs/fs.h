/* The file system without FUSE: names, attributes, reading and writing, over
 * any backend. A shell (fuse_ops.c, or a test) decodes a request, calls one
 * function here and replies once.
 *
 * Results are 0 or a count, or -errno, as the caller of the system call will
 * see them (docs/SEMANTICS.md). A failure worth telling is recorded here, once:
 * in the log and in /.kinesisfs/errors. Any thread may call anything. */
#ifndef KFS_FS_FS_H
#define KFS_FS_FS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "backend/backend.h"
#include "backend/base/clock.h"
#include "fs/lock.h"

struct kfs_fs;
struct kfs_node;   /* what a name was looked up as */
struct kfs_handle; /* an open file description */

struct kfs_fs_config {
    struct kfs_backend *backend; /* borrowed */
    const struct kfs_clock *clock;
    uint32_t uid;
    uint32_t gid;
    uint32_t umask;
    struct kfs_stream_spec new_stream; /* what mkdir makes */
    uint64_t partial_timeout_ms;       /* 0: off */
    bool follow_closed;                /* a writer of a closed shard goes on in its children */
    bool sync_always;                  /* a write returns when its records are durable */
    uint64_t close_wait_ms;            /* how long a close waits for acknowledgements; 0: it does not */
    /* Appends to /.kinesisfs/metrics what others count; NULL. */
    int (*more_metrics)(void *arg, struct kfs_buf *text);
    void *more_metrics_arg;
};

bool kfs_fs_is_remote(const struct kfs_fs *fs); /* kfs_is_remote of its backend */

int kfs_fs_new(const struct kfs_fs_config *config, struct kfs_fs **fs, struct kfs_error *err);

/* Stops what runs in the background: partial lines become records, waiting
 * reads are answered with -EINTR, waits for locks with -ENOLCK. */
void kfs_fs_stop(struct kfs_fs *fs);
void kfs_fs_free(struct kfs_fs *fs); /* after stop; with every node and handle not given back */

/* The text of /.kinesisfs/metrics, appended. */
int kfs_fs_metrics(struct kfs_fs *fs, struct kfs_buf *text);

/* ---- names ---- */

struct kfs_node *kfs_fs_root(struct kfs_fs *fs);

/* A node for a name, with one reference. Directories get one node a name;
 * files a new one each time, with one st_ino, so that the kernel does not
 * serialise their writers and each keeps its own offsets. st may be NULL.
 * KFS_FS_NEVER is -ENOENT of a name that can never be there, and is in errors. */
#define KFS_FS_NEVER (-4097)
int kfs_fs_lookup(struct kfs_fs *fs, struct kfs_node *parent, const char *name, struct kfs_node **node,
                  struct stat *st);
void kfs_fs_forget(struct kfs_fs *fs, struct kfs_node *node, uint64_t references);

int kfs_fs_getattr(struct kfs_fs *fs, struct kfs_node *node, struct stat *st);

/* chmod, chown and times: to what they are already, or -EPERM; times are not kept. */
int kfs_fs_chmod(struct kfs_fs *fs, struct kfs_node *node, mode_t mode);
int kfs_fs_chown(struct kfs_fs *fs, struct kfs_node *node, uid_t uid, gid_t gid); /* (uid_t)-1: leave */
int kfs_fs_truncate(struct kfs_fs *fs, struct kfs_node *node, uint64_t size);

int kfs_fs_mkdir(struct kfs_fs *fs, struct kfs_node *parent, const char *name);
int kfs_fs_rmdir(struct kfs_fs *fs, struct kfs_node *parent, const char *name);

/* Of a cursor, in /.kinesisfs/cursors: removes it; elsewhere refuses. */
int kfs_fs_unlink(struct kfs_fs *fs, struct kfs_node *parent, const char *name);

/* What streams cannot do: records it under the operation's name, returns -EPERM. */
int kfs_fs_refuse(struct kfs_fs *fs, struct kfs_node *parent, const char *operation, const char *name);

/* The entries of a directory, without . and .. . visit returns non-zero to stop. */
typedef int kfs_entry_visit(void *arg, const char *name, ino_t ino, mode_t mode);
int kfs_fs_list(struct kfs_fs *fs, struct kfs_node *node, kfs_entry_visit *visit, void *arg);
ino_t kfs_fs_ino(const struct kfs_node *node);

/* value of len 0 asks for the size. -ENODATA, -ERANGE; the size. */
ssize_t kfs_fs_getxattr(struct kfs_fs *fs, struct kfs_node *node, const char *name, char *value, size_t len);
ssize_t kfs_fs_listxattr(struct kfs_fs *fs, struct kfs_node *node, char *list, size_t len);
int kfs_fs_setxattr(struct kfs_fs *fs, struct kfs_node *node, const char *name, const char *value, size_t len);
int kfs_fs_removexattr(struct kfs_fs *fs, struct kfs_node *node, const char *name);

/* ---- files ---- */

/* flags are those of open(2). */
int kfs_fs_open(struct kfs_fs *fs, struct kfs_node *node, int flags, struct kfs_handle **handle);
void kfs_fs_release(struct kfs_fs *fs, struct kfs_handle *handle);

/* All of data or a count of its first bytes, at a record's end. *durable says
 * whether the caller asked for durability (O_SYNC, O_DSYNC, sync=always): the
 * shell then syncs before it replies. */
ssize_t kfs_fs_write(struct kfs_fs *fs, struct kfs_handle *handle, uint64_t offset, const char *data, size_t len,
                     bool *durable);

/* close(2) of one descriptor: reports a failure that came late, and ends the
 * fcntl locks that the owner, a process, has on the file. */
int kfs_fs_flush(struct kfs_fs *fs, struct kfs_handle *handle, uint64_t owner);

/* Whether an unfinished line is carried. */
bool kfs_fs_has_partial(struct kfs_handle *handle);

/* After a flush that returned 0: whether something was written since the last one that is to be waited for, and how
 * long. The shell then calls kfs_fs_sync with that time, and takes -ETIMEDOUT for success. 0: no. */
uint64_t kfs_fs_close_wait(struct kfs_fs *fs, struct kfs_handle *handle);

/* Makes a partial line a record where `partial` is set, then everything of the
 * handle durable; op->done tells, and is to ask kfs_fs_refused. -errno: done will not be called. */
int kfs_fs_sync(struct kfs_fs *fs, struct kfs_handle *handle, bool partial, struct kfs_sync *op);

/* The -errno of records that an endpoint has refused since the handle was opened or was last told; 0. Takes no lock of
 * the handle. */
int kfs_fs_refused(struct kfs_handle *handle);

/* A count; 0 at the end; KFS_FS_WAIT where the file follows and nothing is there yet. */
#define KFS_FS_WAIT (-4096)
ssize_t kfs_fs_read(struct kfs_fs *fs, struct kfs_handle *handle, uint64_t offset, char *data, size_t len);
/* The same for pages of the kernel's cache, of which it reads more than the program asks for, and up to the size of the
 * last stat: -EINVAL where the file follows or moves a cursor. */
ssize_t kfs_fs_read_page(struct kfs_fs *fs, struct kfs_handle *handle, uint64_t offset, char *data, size_t len);

/* Wakes who waits for what this thread has just written. For after the reply: a writer does
 * not wait for its readers, and they need not wait until a thread of their own has woken. */
void kfs_fs_deliver(struct kfs_fs *fs);

/* A read that waits. The core has it from the kfs_fs_wait that returns 0 until
 * it calls done, or a kfs_fs_cancel that returned true. done runs on another
 * thread, perhaps before kfs_fs_wait returns, without locks, with 0 when it is
 * worth reading again or -errno to reply. */
struct kfs_waiter {
    void (*done)(struct kfs_waiter *waiter, int error);
    uint64_t seen; /* the core's, and what follows */
    bool cancelled;
    uint32_t shard;
    struct kfs_waiter *next;
    struct kfs_waiter *prev;
    bool waiting;
};

/* Before the read whose KFS_FS_WAIT is answered by kfs_fs_wait: nothing that comes after this is missed. */
void kfs_fs_prepare_wait(struct kfs_handle *handle, struct kfs_waiter *waiter);
/* -EAGAIN: something has come, read again. -EINTR: it was cancelled before, or the file system stops. */
int kfs_fs_wait(struct kfs_fs *fs, struct kfs_handle *handle, struct kfs_waiter *waiter);
/* Ends a wait, from any thread. False: done has been or is being called, or the
 * wait has not begun and will not. The waiter is alive while this is called. */
bool kfs_fs_cancel(struct kfs_fs *fs, struct kfs_handle *handle, struct kfs_waiter *waiter);

/* Whether a read of the handle would return at once. */
bool kfs_fs_readable(struct kfs_fs *fs, struct kfs_handle *handle);

/* Someone to call, from another thread and any number of times, when that may have
 * changed. release is called with arg when it is replaced or the handle is released. */
struct kfs_notify {
    void (*notify)(void *arg);
    void (*release)(void *arg);
    void *arg;
};
void kfs_fs_on_readable(struct kfs_fs *fs, struct kfs_handle *handle, const struct kfs_notify *notify);

/* ---- locks ---- */

/* Of the file that the handle is of, in whatever view; as kfs_locks_set, which see. lock->handle is set here. */
int kfs_fs_lock(struct kfs_fs *fs, struct kfs_handle *handle, struct kfs_lock *lock, struct kfs_lock_wait *wait);
bool kfs_fs_cancel_lock(struct kfs_fs *fs, struct kfs_lock_wait *wait);
void kfs_fs_getlock(struct kfs_fs *fs, struct kfs_handle *handle, struct kfs_lock *lock);

int kfs_fs_space(struct kfs_fs *fs, struct kfs_space *space);

#endif
