#include "fs/topic.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- waking ---- */

/* Called by the backend on the thread that appended: only queues. */
static void on_event(struct kfs_watch *watch, uint32_t shard, enum kfs_event event)
{
    struct kfs_topic *topic = (struct kfs_topic *)((char *)watch - offsetof(struct kfs_topic, watch));
    struct kfs_dispatcher *d = topic->dispatcher;

    if (event != KFS_EVENT_GREW)
        shard = KFS_NO_SHARD;
    atomic_fetch_add(&topic->events, 1);
    (void)pthread_mutex_lock(&d->lock);
    if (topic->ready && topic->grown != shard)
        topic->grown = KFS_NO_SHARD;
    if (!topic->ready && !d->stop) {
        topic->ready = true;
        topic->grown = shard;
        topic->next_ready = d->ready;
        d->ready = kfs_topic_ref(topic);
        (void)pthread_cond_signal(&d->wake);
    }
    (void)pthread_mutex_unlock(&d->lock);
}

/* Under topic.lock. */
static void unlink_waiter(struct kfs_topic *topic, struct kfs_waiter *waiter)
{
    waiter->waiting = false;
    if (waiter->next != NULL)
        waiter->next->prev = waiter->prev;
    if (waiter->prev != NULL)
        waiter->prev->next = waiter->next;
    else
        topic->waiters = waiter->next;
}

/* Takes those that wait for a shard out of the list (KFS_NO_SHARD: all of them). */
static struct kfs_waiter *take_waiters(struct kfs_topic *topic, uint32_t grown)
{
    struct kfs_waiter *taken = NULL;
    struct kfs_waiter *next;

    (void)pthread_mutex_lock(&topic->lock);
    for (struct kfs_waiter *w = topic->waiters; w != NULL; w = next) {
        next = w->next;
        if (grown != KFS_NO_SHARD && w->shard != KFS_NO_SHARD && w->shard != grown)
            continue;
        unlink_waiter(topic, w);
        w->next = taken;
        taken = w;
    }
    (void)pthread_mutex_unlock(&topic->lock);
    return taken;
}

static void finish(struct kfs_waiter *list, int error)
{
    while (list != NULL) {
        struct kfs_waiter *next = list->next;
        list->done(list, error);
        list = next;
    }
}

static void notify_listeners(struct kfs_topic *topic)
{
    (void)pthread_mutex_lock(&topic->lock);
    for (struct kfs_listener *l = topic->listeners; l != NULL; l = l->next)
        l->notify.notify(l->notify.arg);
    (void)pthread_mutex_unlock(&topic->lock);
}

/* Serves the first topic of the list, if there is one. Under d->lock, which is given up meanwhile. */
static bool serve_first(struct kfs_dispatcher *d)
{
    struct kfs_topic *topic = d->ready;

    if (topic == NULL)
        return false;
    d->ready = topic->next_ready;
    topic->ready = false;
    uint32_t grown = topic->grown;
    (void)pthread_mutex_unlock(&d->lock);
    finish(take_waiters(topic, grown), 0);
    notify_listeners(topic);
    kfs_topic_unref(topic);
    (void)pthread_mutex_lock(&d->lock);
    return true;
}

static void *run(void *arg)
{
    struct kfs_dispatcher *d = arg;

    (void)pthread_mutex_lock(&d->lock);
    while (!d->stop) {
        if (!serve_first(d))
            (void)pthread_cond_wait(&d->wake, &d->lock);
    }
    (void)pthread_mutex_unlock(&d->lock);
    return NULL;
}

void kfs_dispatcher_help(struct kfs_dispatcher *d)
{
    (void)pthread_mutex_lock(&d->lock);
    (void)serve_first(d);
    (void)pthread_mutex_unlock(&d->lock);
}

int kfs_dispatcher_start(struct kfs_dispatcher *d)
{
    (void)pthread_mutex_init(&d->lock, NULL);
    (void)pthread_mutex_init(&d->watch_lock, NULL);
    (void)pthread_cond_init(&d->wake, NULL);
    int rc = pthread_create(&d->thread, NULL, run, d);
    d->runs = rc == 0;
    return -rc;
}

void kfs_dispatcher_stop(struct kfs_dispatcher *d)
{
    (void)pthread_mutex_lock(&d->lock);
    d->stop = true;
    (void)pthread_cond_broadcast(&d->wake);
    (void)pthread_mutex_unlock(&d->lock);
    if (d->runs)
        (void)pthread_join(d->thread, NULL);
    d->runs = false;
    while (d->ready != NULL) {
        struct kfs_topic *topic = d->ready;
        d->ready = topic->next_ready;
        topic->ready = false;
        kfs_topic_unref(topic);
    }
}

/* ---- topics ---- */

int kfs_topic_new(struct kfs_dispatcher *dispatcher, struct kfs_stream *stream, struct kfs_topic **out)
{
    struct kfs_stream_info info;
    struct kfs_topic *topic = NULL;
    int rc = kfs_stream_info(stream, &info, NULL);

    if (rc == 0) {
        topic = calloc(1, sizeof *topic);
        rc = topic == NULL ? -ENOMEM : 0;
    }
    if (rc != 0) {
        kfs_stream_close(stream);
        return rc;
    }
    topic->stream = stream;
    topic->generation = info.generation;
    (void)snprintf(topic->name, sizeof topic->name, "%s", info.name);
    topic->dispatcher = dispatcher;
    topic->watch.wake = on_event;
    atomic_init(&topic->refs, 1);
    (void)pthread_mutex_init(&topic->lock, NULL);
    *out = topic;
    return 0;
}

struct kfs_topic *kfs_topic_ref(struct kfs_topic *topic)
{
    atomic_fetch_add(&topic->refs, 1);
    return topic;
}

void kfs_topic_unref(struct kfs_topic *topic)
{
    if (topic == NULL || atomic_fetch_sub(&topic->refs, 1) != 1)
        return;
    kfs_stream_close(topic->stream);
    (void)pthread_mutex_destroy(&topic->lock);
    free(topic);
}

void kfs_topic_watch(struct kfs_topic *topic)
{
    (void)pthread_mutex_lock(&topic->dispatcher->watch_lock);
    if (topic->watchers++ == 0)
        kfs_watch(topic->stream, &topic->watch);
    (void)pthread_mutex_unlock(&topic->dispatcher->watch_lock);
}

void kfs_topic_unwatch(struct kfs_topic *topic)
{
    (void)pthread_mutex_lock(&topic->dispatcher->watch_lock);
    if (--topic->watchers == 0)
        kfs_unwatch(topic->stream, &topic->watch);
    (void)pthread_mutex_unlock(&topic->dispatcher->watch_lock);
}

/* ---- waiting ---- */

void kfs_topic_prepare(struct kfs_topic *topic, struct kfs_waiter *waiter)
{
    waiter->seen = atomic_load(&topic->events);
}

int kfs_topic_add(struct kfs_topic *topic, uint32_t shard, struct kfs_waiter *waiter)
{
    int rc = 0;

    (void)pthread_mutex_lock(&topic->lock);
    if (topic->ended || waiter->cancelled)
        rc = -EINTR;
    else if (waiter->seen != atomic_load(&topic->events))
        rc = -EAGAIN;
    if (rc == 0) {
        waiter->shard = shard;
        waiter->waiting = true;
        waiter->prev = NULL;
        waiter->next = topic->waiters;
        if (topic->waiters != NULL)
            topic->waiters->prev = waiter;
        topic->waiters = waiter;
    }
    (void)pthread_mutex_unlock(&topic->lock);
    return rc;
}

bool kfs_topic_cancel(struct kfs_topic *topic, struct kfs_waiter *waiter)
{
    (void)pthread_mutex_lock(&topic->lock);
    bool was = waiter->waiting;
    if (was)
        unlink_waiter(topic, waiter);
    waiter->cancelled = true;
    (void)pthread_mutex_unlock(&topic->lock);
    return was;
}

void kfs_topic_end(struct kfs_topic *topic)
{
    (void)pthread_mutex_lock(&topic->lock);
    topic->ended = true;
    (void)pthread_mutex_unlock(&topic->lock);
    finish(take_waiters(topic, KFS_NO_SHARD), -EINTR);
}

void kfs_topic_listen(struct kfs_topic *topic, struct kfs_listener *listener)
{
    (void)pthread_mutex_lock(&topic->lock);
    listener->next = topic->listeners;
    topic->listeners = listener;
    (void)pthread_mutex_unlock(&topic->lock);
}

void kfs_topic_unlisten(struct kfs_topic *topic, struct kfs_listener *listener)
{
    (void)pthread_mutex_lock(&topic->lock);
    for (struct kfs_listener **at = &topic->listeners; *at != NULL; at = &(*at)->next) {
        if (*at == listener) {
            *at = listener->next;
            break;
        }
    }
    (void)pthread_mutex_unlock(&topic->lock);
}
