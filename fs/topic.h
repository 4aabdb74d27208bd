/* A stream as the file system holds it: one reference to the backend's, and
 * those who wait for it to grow. Waiting costs no thread: a wait is a list
 * entry, and one dispatcher thread serves them all, unless who made the stream
 * grow is there first. */
#ifndef KFS_FS_TOPIC_H
#define KFS_FS_TOPIC_H

#include <pthread.h>
#include <stdatomic.h>

#include "backend/backend.h"
#include "fs/fs.h"

struct kfs_dispatcher;

/* Someone who wants to hear of growth again and again (poll). */
struct kfs_listener {
    struct kfs_notify notify;
    struct kfs_listener *next;
};

struct kfs_topic {
    struct kfs_stream *stream; /* owned */
    char name[KFS_STREAM_NAME_MAX + 1];
    uint64_t generation;
    atomic_uint refs;
    struct kfs_dispatcher *dispatcher;

    atomic_uint_fast64_t events; /* how many there were; counted before anyone is woken */

    pthread_mutex_t lock;
    struct kfs_waiter *waiters; /* list */
    bool ended;
    struct kfs_listener *listeners;

    /* Under the dispatcher's lock. */
    struct kfs_watch watch;
    uint32_t watchers; /* how many want the watch set */
    bool ready;        /* on the dispatcher's list */
    uint32_t grown;    /* the shard that did; KFS_NO_SHARD: several, or something else happened */
    struct kfs_topic *next_ready;
};

struct kfs_dispatcher {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct kfs_topic *ready;
    bool stop;
    bool runs;
    pthread_t thread;
    pthread_mutex_t watch_lock; /* orders setting and removing of watches; before lock */
};

int kfs_dispatcher_start(struct kfs_dispatcher *dispatcher);
void kfs_dispatcher_stop(struct kfs_dispatcher *dispatcher);
/* Does at once, on this thread, what the dispatcher's is about to do for one topic. */
void kfs_dispatcher_help(struct kfs_dispatcher *dispatcher);

/* Takes the stream's reference. -ENOMEM (the reference is closed). */
int kfs_topic_new(struct kfs_dispatcher *dispatcher, struct kfs_stream *stream, struct kfs_topic **topic);
struct kfs_topic *kfs_topic_ref(struct kfs_topic *topic);
void kfs_topic_unref(struct kfs_topic *topic); /* takes NULL */

/* Between the two, growth reaches the topic's waiters and listeners. */
void kfs_topic_watch(struct kfs_topic *topic);
void kfs_topic_unwatch(struct kfs_topic *topic);

/* Notes what has happened so far, before the caller looks whether there is something to wait for. */
void kfs_topic_prepare(struct kfs_topic *topic, struct kfs_waiter *waiter);
/* Adds a waiter for a shard (KFS_NO_SHARD: any), whose done is called with 0 at
 * the next event that concerns it, once; that may be before this returns, so a
 * waiter that was added is no longer the caller's. -EAGAIN: there was an event
 * since it was prepared. -EINTR: it was cancelled, or waiting has been ended. */
int kfs_topic_add(struct kfs_topic *topic, uint32_t shard, struct kfs_waiter *waiter);
/* True where it was still waiting. Where it was not, it can no longer be added. */
bool kfs_topic_cancel(struct kfs_topic *topic, struct kfs_waiter *waiter);
/* Ends all waits with -EINTR, and lets no new ones begin. */
void kfs_topic_end(struct kfs_topic *topic);

void kfs_topic_listen(struct kfs_topic *topic, struct kfs_listener *listener);
void kfs_topic_unlisten(struct kfs_topic *topic, struct kfs_listener *listener); /* on return notify is not running */

#endif
