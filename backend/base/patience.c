#include "backend/base/patience.h"

#include <errno.h>
#include <stddef.h>

#include "backend/base/cond.h"

static _Thread_local struct kfs_patience_state mine;

void kfs_patience_init(struct kfs_patience *patience, uint64_t since_ms)
{
    *patience = (struct kfs_patience){.since_ms = since_ms};
    (void)pthread_mutex_init(&patience->lock, NULL);
}

void kfs_patience_release(struct kfs_patience *patience)
{
    (void)pthread_mutex_destroy(&patience->lock);
}

struct kfs_patience_state kfs_patience_enter(enum kfs_patience_kind kind, struct kfs_patience *call)
{
    struct kfs_patience_state before = mine;

    mine = (struct kfs_patience_state){.kind = kind, .call = call};
    return before;
}

struct kfs_patience_state kfs_patience_get(void)
{
    return mine;
}

void kfs_patience_leave(const struct kfs_patience_state *before)
{
    mine = *before;
}

void kfs_patience_interrupt(struct kfs_patience *patience)
{
    (void)pthread_mutex_lock(&patience->lock);
    atomic_store(&patience->over, true);
    if (patience->wake != NULL)
        patience->wake(patience->arg);
    (void)pthread_mutex_unlock(&patience->lock);
}

bool kfs_patience_refused(void)
{
    return mine.refused;
}

bool kfs_patience_forced(void)
{
    return mine.kind == KFS_FORCED;
}

int kfs_patience_ask(void)
{
    if (mine.kind == KFS_AT_ONCE || mine.kind == KFS_FORCED)
        return -EAGAIN;
    if (mine.kind == KFS_TRYING) {
        mine.refused = true;
        return -EINPROGRESS;
    }
    return kfs_patience_over() ? -EINTR : 0;
}

int kfs_patience_begin(void (*wake)(void *arg), void *arg)
{
    int rc = kfs_patience_ask();

    if (rc != 0 || mine.call == NULL)
        return rc;
    (void)pthread_mutex_lock(&mine.call->lock);
    if (atomic_load(&mine.call->over)) {
        rc = -EINTR;
    } else {
        mine.call->wake = wake;
        mine.call->arg = arg;
    }
    (void)pthread_mutex_unlock(&mine.call->lock);
    return rc;
}

void kfs_patience_end(void)
{
    if (mine.call == NULL)
        return;
    (void)pthread_mutex_lock(&mine.call->lock);
    mine.call->wake = NULL;
    (void)pthread_mutex_unlock(&mine.call->lock);
}

bool kfs_patience_over(void)
{
    return mine.call != NULL && atomic_load(&mine.call->over);
}

uint64_t kfs_patience_since(uint64_t now_ms)
{
    return mine.call != NULL ? mine.call->since_ms : now_ms;
}

/* ---- sleeping ---- */

struct sleeper {
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

static void wake_sleeper(void *arg)
{
    struct sleeper *s = arg;

    (void)pthread_mutex_lock(&s->lock);
    (void)pthread_cond_signal(&s->wake);
    (void)pthread_mutex_unlock(&s->lock);
}

void kfs_patience_sleep(uint64_t ms)
{
    struct sleeper s;

    kfs_cond_init(&s.wake);
    (void)pthread_mutex_init(&s.lock, NULL);
    if (kfs_patience_begin(wake_sleeper, &s) == 0) {
        (void)pthread_mutex_lock(&s.lock);
        while (!kfs_patience_over() && kfs_cond_wait(&s.wake, &s.lock, ms))
            continue;
        (void)pthread_mutex_unlock(&s.lock);
        kfs_patience_end();
    }
    (void)pthread_cond_destroy(&s.wake);
    (void)pthread_mutex_destroy(&s.lock);
}
