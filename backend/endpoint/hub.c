#include "backend/endpoint/hub.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/base/cond.h"

#define TICK_MS 250                   /* how exactly a subscription's own times are kept */
#define PENDING_BYTES_MAX (64U << 20) /* an event: one record of 10 MiB in base64, or many small ones */

/* One subscription. The hub's thread alone works on it; wakes only put it on the ready list. */
struct member {
    struct kfs_hub *hub;
    struct kfs_http_exchange *x;
    struct kfs_api_subscription *subscription;
    struct kfs_buf pending; /* what the peer had no room for */
    uint64_t due_ms;        /* mono */
    bool ended;             /* pending is the last */
    atomic_bool gone;       /* the peer, or the server stops */

    /* The hub's lock. */
    bool ready;
    struct member *next_ready;
    struct member *next;
};

struct kfs_hub {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    struct member *members;
    struct member *ready; /* longest first */
    struct member **ready_end;
    bool stop;
};

static uint64_t mono_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Under the hub's lock. */
static void make_ready(struct member *m)
{
    if (m->ready)
        return;
    m->ready = true;
    m->next_ready = NULL;
    *m->hub->ready_end = m;
    m->hub->ready_end = &m->next_ready;
}

/* Any thread, perhaps under a lock of the backend's. */
static void on_wake(void *arg)
{
    struct member *m = arg;

    (void)pthread_mutex_lock(&m->hub->lock);
    make_ready(m);
    (void)pthread_cond_signal(&m->hub->wake);
    (void)pthread_mutex_unlock(&m->hub->lock);
}

static void on_gone(void *arg)
{
    struct member *m = arg;

    atomic_store(&m->gone, true);
    on_wake(m);
}

/* ---- the hub's thread ---- */

/* On the exchange's thread, so that neither on_gone nor on_room can be running. */
static void finish(void *arg)
{
    struct member *m = arg;

    kfs_http_end(m->x);
    kfs_buf_release(&m->pending);
    free(m);
}

static void take_off(struct member *m)
{
    struct kfs_hub *hub = m->hub;

    (void)pthread_mutex_lock(&hub->lock);
    for (struct member **at = &hub->members; *at != NULL; at = &(*at)->next) {
        if (*at != m)
            continue;
        *at = m->next;
        break;
    }
    /* Off the ready list too, where a wake has put it since. */
    for (struct member **at = &hub->ready; *at != NULL; at = &(*at)->next_ready) {
        if (*at != m)
            continue;
        *at = m->next_ready;
        if (*at == NULL)
            hub->ready_end = at;
        break;
    }
    m->ready = true; /* never again */
    (void)pthread_mutex_unlock(&hub->lock);
}

static void drop(struct member *m)
{
    kfs_subscription_free(m->subscription); /* from here on nothing of the backend's wakes it */
    m->subscription = NULL;
    take_off(m);
    while (kfs_http_later(m->x, 0, finish, m) != 0)
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

/* Sends what is pending. False: the peer has no room, or is gone. */
static bool flush(struct member *m)
{
    if (m->pending.len == 0)
        return true;
    int rc = kfs_http_write(m->x, m->pending.data, m->pending.len);
    if (rc == -EAGAIN)
        return false;
    if (rc != 0)
        atomic_store(&m->gone, true);
    kfs_buf_release(&m->pending);
    return rc == 0;
}

/* One event at a time, so that who is far behind does not keep the others waiting. True: there may be
 * another at once. */
static bool serve(struct member *m)
{
    enum kfs_subscription_state state = KFS_SUBSCRIPTION_WAITS;
    uint32_t wait_ms = 0;

    if (!atomic_load(&m->gone) && flush(m) && !m->ended) {
        state = kfs_subscription_next(m->subscription, &m->pending, &wait_ms);
        m->ended = state == KFS_SUBSCRIPTION_ENDED;
        if (!flush(m))
            state = KFS_SUBSCRIPTION_WAITS;
    }
    m->due_ms = mono_ms() + wait_ms;
    if (atomic_load(&m->gone) || (m->ended && m->pending.len == 0)) {
        drop(m);
        return false;
    }
    return state == KFS_SUBSCRIPTION_MORE;
}

/* Waits until something is ready, or the tick. Under the lock. */
static void wait_tick(struct kfs_hub *hub)
{
    if (hub->members == NULL)
        (void)pthread_cond_wait(&hub->wake, &hub->lock);
    else
        (void)kfs_cond_wait(&hub->wake, &hub->lock, TICK_MS);
}

static void *run(void *arg)
{
    struct kfs_hub *hub = arg;
    uint64_t looked_ms = 0;

    (void)pthread_mutex_lock(&hub->lock);
    while (!hub->stop || hub->members != NULL) {
        uint64_t now = mono_ms();
        if (now - looked_ms >= TICK_MS) {
            looked_ms = now;
            for (struct member *m = hub->members; m != NULL; m = m->next)
                if (m->due_ms <= now)
                    make_ready(m);
        }
        struct member *m = hub->ready;
        if (m == NULL) {
            wait_tick(hub);
            continue;
        }
        hub->ready = m->next_ready;
        if (hub->ready == NULL)
            hub->ready_end = &hub->ready;
        m->ready = false;
        (void)pthread_mutex_unlock(&hub->lock);
        bool more = serve(m);
        (void)pthread_mutex_lock(&hub->lock);
        if (more)
            make_ready(m);
    }
    (void)pthread_mutex_unlock(&hub->lock);
    return NULL;
}

/* ---- for the server ---- */

void kfs_hub_add(struct kfs_hub *hub, struct kfs_http_exchange *x, const struct kfs_http_response *response,
                 struct kfs_api_subscription *subscription)
{
    struct member *m = calloc(1, sizeof *m);

    if (m == NULL) {
        kfs_subscription_free(subscription);
        kfs_http_cut(x);
        return;
    }
    *m = (struct member){.hub = hub, .x = x, .subscription = subscription};
    kfs_buf_init(&m->pending, PENDING_BYTES_MAX);
    const struct kfs_http_stream_events events = {.on_gone = on_gone, .on_room = on_wake, .arg = m};
    /* Not served before it is a member; what wakes it earlier is found then. */
    m->ready = true;
    kfs_http_begin(x, response, &events);
    kfs_subscription_watch(subscription, on_wake, m);
    (void)pthread_mutex_lock(&hub->lock);
    m->next = hub->members;
    hub->members = m;
    m->ready = false;
    make_ready(m);
    (void)pthread_cond_signal(&hub->wake);
    (void)pthread_mutex_unlock(&hub->lock);
}

int kfs_hub_start(struct kfs_hub **out, struct kfs_error *err)
{
    struct kfs_hub *hub = calloc(1, sizeof *hub);

    if (hub == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    hub->ready_end = &hub->ready;
    (void)pthread_mutex_init(&hub->lock, NULL);
    kfs_cond_init(&hub->wake);
    int rc = pthread_create(&hub->thread, NULL, run, hub);
    if (rc != 0) {
        free(hub);
        return kfs_fail(err, rc, "cannot start a thread: %s", strerror(rc));
    }
    *out = hub;
    return 0;
}

void kfs_hub_stop(struct kfs_hub *hub)
{
    (void)pthread_mutex_lock(&hub->lock);
    hub->stop = true;
    (void)pthread_cond_signal(&hub->wake);
    (void)pthread_mutex_unlock(&hub->lock);
    (void)pthread_join(hub->thread, NULL);
    (void)pthread_mutex_destroy(&hub->lock);
    (void)pthread_cond_destroy(&hub->wake);
    free(hub);
}
