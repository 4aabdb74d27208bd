#include "fs/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define FIRST_CAP 4

/* There while something is held or waited for. */
struct kfs_lock_file {
    uint64_t key;
    struct kfs_lock *held; /* those of one owner and kind do not overlap */
    size_t n;
    size_t cap;
    struct kfs_lock_wait *waits; /* the oldest first */
    struct kfs_lock_file *next;
};

/* ---- files ---- */

static struct kfs_lock_file **place_of(struct kfs_locks *locks, uint64_t key)
{
    struct kfs_lock_file **at = &locks->files[key / 16 % KFS_LOCK_BUCKETS];

    while (*at != NULL && (*at)->key != key)
        at = &(*at)->next;
    return at;
}

static struct kfs_lock_file *file_of(struct kfs_locks *locks, uint64_t key)
{
    struct kfs_lock_file **at = place_of(locks, key);

    if (*at == NULL) {
        *at = calloc(1, sizeof **at);
        if (*at != NULL)
            (*at)->key = key;
    }
    return *at;
}

static void forget_if_unused(struct kfs_locks *locks, uint64_t key)
{
    struct kfs_lock_file **at = place_of(locks, key);
    struct kfs_lock_file *file = *at;

    if (file == NULL || file->n > 0 || file->waits != NULL)
        return;
    *at = file->next;
    free(file->held);
    free(file);
}

/* ---- what is held ---- */

static bool overlap(const struct kfs_lock *a, const struct kfs_lock *b)
{
    return a->kind == b->kind && a->start <= b->last && b->start <= a->last;
}

static const struct kfs_lock *find_conflict(const struct kfs_lock_file *file, const struct kfs_lock *lock)
{
    for (size_t i = 0; i < file->n && lock->type != F_UNLCK; i++) {
        const struct kfs_lock *held = &file->held[i];
        if (overlap(held, lock) && held->owner != lock->owner && (held->type == F_WRLCK || lock->type == F_WRLCK))
            return held;
    }
    return NULL;
}

/* Room for two more: a lock, and the second half of one that it splits. */
static bool reserve(const struct kfs_locks *locks, struct kfs_lock_file *file, const struct kfs_lock *lock)
{
    size_t cap = file->cap == 0 ? FIRST_CAP : file->cap * 2;

    if (lock->type != F_UNLCK && locks->held + 2 > KFS_LOCKS_MAX)
        return false;
    if (file->n + 2 <= file->cap)
        return true;
    struct kfs_lock *held = realloc(file->held, cap * sizeof *held);
    if (held == NULL)
        return false;
    file->held = held;
    file->cap = cap;
    return true;
}

/* Puts a lock in the place of what its owner has there. */
static int put(struct kfs_locks *locks, struct kfs_lock_file *file, const struct kfs_lock *lock)
{
    struct kfs_lock right = {.type = F_UNLCK}; /* behind the lock there is at most one */
    size_t kept = 0;

    if (!reserve(locks, file, lock))
        return -ENOLCK;
    for (size_t i = 0; i < file->n; i++) {
        struct kfs_lock held = file->held[i];
        if (held.owner != lock->owner || !overlap(&held, lock)) {
            file->held[kept++] = held;
            continue;
        }
        if (held.last > lock->last) {
            right = held;
            right.start = lock->last + 1;
        }
        if (held.start < lock->start) {
            held.last = lock->start - 1;
            file->held[kept++] = held;
        }
    }
    if (right.type != F_UNLCK)
        file->held[kept++] = right;
    if (lock->type != F_UNLCK)
        file->held[kept++] = *lock;
    locks->held = locks->held - file->n + kept;
    file->n = kept;
    return 0;
}

/* ---- waiting ---- */

/* Gives the locks that can be given to those who wait. Returns them, to be finished without the mutex. */
static struct kfs_lock_wait *grant(struct kfs_locks *locks, struct kfs_lock_file *file)
{
    struct kfs_lock_wait *granted = NULL;
    struct kfs_lock_wait **last = &granted;

    for (struct kfs_lock_wait **at = &file->waits; *at != NULL;) {
        struct kfs_lock_wait *wait = *at;
        if (find_conflict(file, &wait->lock) != NULL) {
            at = &wait->next;
            continue;
        }
        *at = wait->next;
        wait->next = NULL;
        wait->waiting = false;
        wait->error = put(locks, file, &wait->lock);
        *last = wait;
        last = &wait->next;
    }
    return granted;
}

static void finish(struct kfs_lock_wait *list)
{
    while (list != NULL) {
        struct kfs_lock_wait *next = list->next;
        list->done(list, list->error);
        list = next;
    }
}

static void queue(struct kfs_lock_file *file, const struct kfs_lock *lock, struct kfs_lock_wait *wait)
{
    struct kfs_lock_wait **at = &file->waits;

    wait->lock = *lock;
    wait->file = file->key;
    wait->waiting = true;
    wait->next = NULL;
    while (*at != NULL)
        at = &(*at)->next;
    *at = wait;
}

int kfs_locks_set(struct kfs_locks *locks, uint64_t key, const struct kfs_lock *lock, struct kfs_lock_wait *wait)
{
    struct kfs_lock_wait *granted = NULL;
    int rc = 0;

    (void)pthread_mutex_lock(&locks->lock);
    struct kfs_lock_file *file = file_of(locks, key);
    if (file == NULL || locks->ended) {
        rc = -ENOLCK;
    } else if (wait != NULL && wait->cancelled) {
        rc = -EINTR;
    } else if (find_conflict(file, lock) == NULL) {
        rc = put(locks, file, lock);
    } else {
        struct kfs_lock none = *lock;
        none.type = F_UNLCK;
        if (lock->kind == KFS_LOCK_FLOCK)
            (void)put(locks, file, &none); /* the whole file: that needs no room */
        rc = -EAGAIN;
        if (wait != NULL) {
            queue(file, lock, wait);
            rc = KFS_LOCK_WAITS;
        }
    }
    if (file != NULL)
        granted = grant(locks, file);
    forget_if_unused(locks, key);
    (void)pthread_mutex_unlock(&locks->lock);
    finish(granted);
    return rc;
}

bool kfs_locks_cancel(struct kfs_locks *locks, struct kfs_lock_wait *wait)
{
    (void)pthread_mutex_lock(&locks->lock);
    bool was = wait->waiting;
    if (was) {
        struct kfs_lock_wait **at = &(*place_of(locks, wait->file))->waits;
        while (*at != wait)
            at = &(*at)->next;
        *at = wait->next;
        wait->waiting = false;
        forget_if_unused(locks, wait->file);
    }
    wait->cancelled = true;
    (void)pthread_mutex_unlock(&locks->lock);
    return was;
}

void kfs_locks_get(struct kfs_locks *locks, uint64_t key, struct kfs_lock *lock)
{
    (void)pthread_mutex_lock(&locks->lock);
    const struct kfs_lock_file *file = *place_of(locks, key);
    const struct kfs_lock *conflict = file == NULL ? NULL : find_conflict(file, lock);
    if (conflict != NULL)
        *lock = *conflict;
    else
        lock->type = F_UNLCK;
    (void)pthread_mutex_unlock(&locks->lock);
}

void kfs_locks_drop(struct kfs_locks *locks, uint64_t key, uint64_t owner, const void *handle)
{
    struct kfs_lock_wait *granted = NULL;
    size_t kept = 0;

    (void)pthread_mutex_lock(&locks->lock);
    struct kfs_lock_file *file = *place_of(locks, key);
    for (size_t i = 0; file != NULL && i < file->n; i++) {
        const struct kfs_lock *held = &file->held[i];
        if (handle != NULL ? held->handle != handle : held->kind != KFS_LOCK_FCNTL || held->owner != owner)
            file->held[kept++] = *held;
    }
    if (file != NULL && kept < file->n) {
        locks->held -= file->n - kept;
        file->n = kept;
        granted = grant(locks, file);
        forget_if_unused(locks, key);
    }
    (void)pthread_mutex_unlock(&locks->lock);
    finish(granted);
}

/* ---- the table ---- */

void kfs_locks_init(struct kfs_locks *locks)
{
    *locks = (struct kfs_locks){.held = 0};
    (void)pthread_mutex_init(&locks->lock, NULL);
}

void kfs_locks_end(struct kfs_locks *locks)
{
    struct kfs_lock_wait *ended = NULL;

    (void)pthread_mutex_lock(&locks->lock);
    locks->ended = true;
    for (size_t i = 0; i < KFS_LOCK_BUCKETS; i++) {
        for (struct kfs_lock_file *file = locks->files[i]; file != NULL; file = file->next) {
            while (file->waits != NULL) {
                struct kfs_lock_wait *wait = file->waits;
                file->waits = wait->next;
                wait->waiting = false;
                wait->error = -ENOLCK; /* without a signal the kernel would show EINTR as errno 512 */
                wait->next = ended;
                ended = wait;
            }
        }
    }
    (void)pthread_mutex_unlock(&locks->lock);
    finish(ended);
}

void kfs_locks_release(struct kfs_locks *locks)
{
    for (size_t i = 0; i < KFS_LOCK_BUCKETS; i++) {
        while (locks->files[i] != NULL) {
            struct kfs_lock_file *file = locks->files[i];
            locks->files[i] = file->next;
            free(file->held);
            free(file);
        }
    }
    (void)pthread_mutex_destroy(&locks->lock);
}
