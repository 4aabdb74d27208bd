/* How long a thread's caller is willing to wait for what is not this machine's: an endpoint, or room in a spool that an
 * endpoint empties. Disks and locks are waited for whatever is said here.
 *
 * A thread that has entered nothing waits as long as each function's bound. A front end enters one of the kinds around
 * the call that it carries out; whatever waits asks here before, and may be ended by another thread. */
#ifndef KFS_BASE_PATIENCE_H
#define KFS_BASE_PATIENCE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum kfs_patience_kind {
    KFS_PATIENT, /* waits, until the bound or an interruption */
    KFS_AT_ONCE, /* does not wait, and makes do with what is known */
    KFS_TRYING,  /* does not wait; the call fails where it would, having done nothing, and is made again patiently */
    KFS_FORCED   /* does not wait, and takes room in a spool that is full: for the rest of what was taken in part */
};

/* A call that can be interrupted. The owner keeps it until no one can interrupt it any more. */
struct kfs_patience {
    uint64_t since_ms; /* when the call came, by the monotonic clock: its bounds count from then */
    atomic_bool over;  /* it was interrupted */
    pthread_mutex_t lock;
    void (*wake)(void *arg); /* lock; ends the wait under way. NULL: there is none */
    void *arg;               /* lock */
};

/* What a thread has entered. */
struct kfs_patience_state {
    enum kfs_patience_kind kind;
    struct kfs_patience *call; /* NULL: it cannot be interrupted */
    bool refused;              /* of KFS_TRYING: something would have waited */
};

void kfs_patience_init(struct kfs_patience *patience, uint64_t since_ms);
void kfs_patience_release(struct kfs_patience *patience);

/* From now on this thread's calls are of that kind. Returns what it was, for kfs_patience_leave. */
struct kfs_patience_state kfs_patience_enter(enum kfs_patience_kind kind, struct kfs_patience *call);
void kfs_patience_leave(const struct kfs_patience_state *before);
struct kfs_patience_state kfs_patience_get(void);

/* From another thread: ends the wait under way and all that would follow. wake runs in here. */
void kfs_patience_interrupt(struct kfs_patience *patience);

bool kfs_patience_refused(void); /* something would have waited since the thread entered KFS_TRYING */

/* ---- for what waits ---- */

bool kfs_patience_forced(void); /* the thread has entered KFS_FORCED */

/* Whether this thread may wait: 0, -EINTR, -EAGAIN (KFS_AT_ONCE, KFS_FORCED), -EINPROGRESS (KFS_TRYING). */
int kfs_patience_ask(void);

/* The same, and from 0 on an interruption calls wake(arg), until kfs_patience_end. Not under a lock that wake takes. */
int kfs_patience_begin(void (*wake)(void *arg), void *arg);
void kfs_patience_end(void);

bool kfs_patience_over(void); /* it was interrupted: what was woken looks here. Takes no lock */

/* When this thread's call came; without one, now_ms. */
uint64_t kfs_patience_since(uint64_t now_ms);

/* Sleeps; less where it is interrupted or may not wait. */
void kfs_patience_sleep(uint64_t ms);

#endif
