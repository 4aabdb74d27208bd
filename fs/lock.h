/* Locks of files: flock(2)'s, and fcntl(2)'s of ranges of bytes.
 *
 * The kernel cannot keep them: each lookup gives a file another inode here, and
 * a lock must be on the file. A file is a 64-bit key, the same in every view. The
 * two kinds do not see each other, as on Linux. Waiting costs no thread, is first
 * come first served, and can be cancelled. EDEADLK is not found out: those who
 * wait for each other wait until one is interrupted. Threads: any. */
#ifndef KFS_FS_LOCK_H
#define KFS_FS_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define KFS_LOCKS_MAX 16384 /* ranges held; more are -ENOLCK */
#define KFS_LOCK_BUCKETS 256
#define KFS_LOCK_LAST ((uint64_t)INT64_MAX) /* the last byte that a file can have */

enum kfs_lock_kind { KFS_LOCK_FLOCK, KFS_LOCK_FCNTL };

struct kfs_lock {
    enum kfs_lock_kind kind;
    int type;           /* F_RDLCK, F_WRLCK, F_UNLCK */
    uint64_t owner;     /* a process, or a description */
    const void *handle; /* the description that it was made through */
    uint64_t start;
    uint64_t last; /* of its bytes */
    pid_t pid;     /* who asked, for fcntl's F_GETLK */
};

/* A request that waits. It is the table's from the kfs_locks_set that returns
 * KFS_LOCK_WAITS until done is called (perhaps before that returns), with 0 or
 * -errno and without locks, or kfs_locks_cancel has returned true. */
struct kfs_lock_wait {
    void (*done)(struct kfs_lock_wait *wait, int error);
    struct kfs_lock lock; /* the table's, and what follows */
    uint64_t file;
    bool waiting;
    bool cancelled;
    int error;
    struct kfs_lock_wait *next;
};

struct kfs_lock_file;

struct kfs_locks {
    pthread_mutex_t lock; /* guards all */
    struct kfs_lock_file *files[KFS_LOCK_BUCKETS];
    size_t held;
    bool ended;
};

void kfs_locks_init(struct kfs_locks *locks);
void kfs_locks_end(struct kfs_locks *locks); /* all waits are done with -ENOLCK; no more begin */
void kfs_locks_release(struct kfs_locks *locks);

/* Locks or unlocks; what the owner has there of that kind is replaced. Where it
 * conflicts: KFS_LOCK_WAITS, or with wait NULL -EAGAIN. A flock that conflicts has
 * lost what its owner had, as on Linux. -EINTR: cancelled before; -ENOLCK. */
#define KFS_LOCK_WAITS 1
int kfs_locks_set(struct kfs_locks *locks, uint64_t file, const struct kfs_lock *lock, struct kfs_lock_wait *wait);

/* True where it was waiting. Where it was not, it will not. */
bool kfs_locks_cancel(struct kfs_locks *locks, struct kfs_lock_wait *wait);

/* Turns lock into the first one that it conflicts with, or its type into F_UNLCK. */
void kfs_locks_get(struct kfs_locks *locks, uint64_t file, struct kfs_lock *lock);

/* What a close ends: an owner's fcntl locks, or (handle not NULL) all that were made through a description. */
void kfs_locks_drop(struct kfs_locks *locks, uint64_t file, uint64_t owner, const void *handle);

#endif
