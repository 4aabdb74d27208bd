/* The poller of a shard: brings what the endpoint has into the mirror, while someone wants it (docs/REMOTE.md
 * section 4). A machine on the loop's thread: see world.h. */
#ifndef KFS_KINESIS_POLLER_H
#define KFS_KINESIS_POLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/kinesis/mirror.h"
#include "backend/kinesis/world.h"

#define REMOTE_ITERATOR_MAX 2048

/* Who is told. On the loop's thread. */
struct remote_poller_events {
    void (*grew)(void *arg); /* the mirror has more */
    /* The request of that number (counts.requests after it began) has reached the tip. */
    void (*at_tip)(void *arg, uint64_t request);
    void (*ended)(void *arg); /* the shard is closed, and all of it is in the mirror */
    void (*trouble)(void *arg, const struct kfs_error *failure);
};

struct remote_poller_config {
    const struct remote_world *world;
    struct kfs_log *mirror;
    const char *stream;   /* borrowed */
    const char *shard_id; /* borrowed */
    bool from_latest;     /* where an empty mirror starts */
    uint32_t call_timeout_ms;
    uint64_t busy_ms; /* least time between two requests */
    uint64_t idle_ms; /* the same after one that brought nothing */
    const struct remote_poller_events *events;
    void *arg;
};

enum remote_poller_state {
    REMOTE_POLL_STOPPED,
    REMOTE_POLL_POSITIONING,
    REMOTE_POLL_READING,
    REMOTE_POLL_RESTING,
    REMOTE_POLL_ENDED
};

struct remote_poller_counts {
    uint64_t requests; /* GetRecords */
    uint64_t throttled;
    uint64_t failures;
    uint64_t behind_ms; /* as the endpoint said last */
};

struct remote_poller {
    struct remote_poller_config config;
    enum remote_poller_state state;
    struct remote_place place; /* of the next iterator */
    struct kfs_timer timer;
    struct kfs_call call;
    char iterator[REMOTE_ITERATOR_MAX]; /* "": none */
    struct kfs_buf data;                /* of an answer's records */
    uint64_t began_ms;                  /* the last call */
    uint64_t due_ms;                    /* while it rests: the next one */
    uint32_t failures;                  /* in a row */
    uint32_t limit;                     /* records asked for: halved where no answer came, doubled by one */
    bool wanted;                        /* someone reads or waits */
    bool hurried;                       /* someone waits for the tip */
    bool stopping;
    struct remote_poller_counts counts;
};

void remote_poller_init(struct remote_poller *poller, const struct remote_poller_config *config);

/* Whether there are readers; whether someone waits for the tip. Starts, hurries or stops it. */
void remote_poller_want(struct remote_poller *poller, bool wanted, bool hurried);

/* Where it is backing off: tries soon. */
void remote_poller_retry(struct remote_poller *poller);

/* The mirror has records that came by another way: what they are is not asked for again. */
void remote_poller_overtaken(struct remote_poller *poller);

/* No new call is made. False while one is under way: released only after its answer. */
bool remote_poller_stop(struct remote_poller *poller);
void remote_poller_release(struct remote_poller *poller);

#endif
