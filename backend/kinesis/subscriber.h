/* The subscriber of a shard: has the endpoint bring what it has into the mirror, while someone reads it (docs/REMOTE.md
 * section 4). A machine on the loop's thread: see world.h. While it is not live the poller brings the records. */
#ifndef KFS_KINESIS_SUBSCRIBER_H
#define KFS_KINESIS_SUBSCRIBER_H

#include "backend/kinesis/consumer.h"
#include "backend/kinesis/mirror.h"
#include "backend/kinesis/world.h"

#define REMOTE_SUBSCRIPTIONS_MAX 400       /* of a mount: each may have a connection */
#define REMOTE_SUBSCRIBER_START_MS 500     /* a reader must have stayed so long */
#define REMOTE_SUBSCRIBER_AGAIN_MS 5000    /* between two subscriptions of a shard */
#define REMOTE_SUBSCRIBER_SILENCE_MS 10000 /* an event comes each 5 s */
#define REMOTE_SUBSCRIBER_YIELD_MS 300000  /* after another process has taken it over */

/* Who is told. On the loop's thread; none may cancel a call. */
struct remote_subscriber_events {
    void (*heard)(void *arg, bool grew); /* an event came, and is in the mirror, which has more where it grew */
    void (*ended)(void *arg);            /* the shard is closed, and all of it is in the mirror */
    void (*lapsed)(void *arg);           /* it is not live any more, and nothing has failed */
    void (*trouble)(void *arg, const struct kfs_error *failure); /* it is not live any more, or not yet */
};

struct remote_subscriber_config {
    const struct remote_world *world;
    struct kfs_log *mirror;
    struct remote_consumer *consumer;
    const char *shard_id; /* borrowed */
    bool from_latest;     /* an empty mirror is not subscribed to */
    uint32_t *open;       /* subscriptions of the mount */
    const struct remote_subscriber_events *events;
    void *arg;
};

enum remote_subscriber_state {
    REMOTE_SUB_STOPPED,
    REMOTE_SUB_WAITING,
    REMOTE_SUB_ASKING,
    REMOTE_SUB_OPEN,
    REMOTE_SUB_OVER /* the shard has ended, or the endpoint has no subscriptions */
};

struct remote_subscriber_counts {
    uint64_t subscriptions;
    uint64_t events;
    uint64_t failures;
    uint64_t throttled;
    uint64_t behind_ms; /* as the endpoint said last */
};

struct remote_subscriber {
    struct remote_subscriber_config config;
    enum remote_subscriber_state state;
    struct remote_place place;
    struct remote_consumer_ask ask;
    struct kfs_timer timer; /* waiting; open: until an event must have come */
    struct kfs_call call;
    struct kfs_buf data;    /* of an event's records */
    struct kfs_error error; /* what was wrong with an event */
    uint64_t began_ms;      /* the last subscription */
    uint32_t failures;      /* in a row */
    bool wanted;
    bool live;  /* records come this way */
    bool heard; /* an event of this subscription */
    bool ends;  /* that was the last one */
    bool stopping;
    struct remote_subscriber_counts counts;
};

void remote_subscriber_init(struct remote_subscriber *subscriber, const struct remote_subscriber_config *config);

/* Whether there are readers. */
void remote_subscriber_want(struct remote_subscriber *subscriber, bool wanted);

/* Where it is backing off: tries soon. */
void remote_subscriber_retry(struct remote_subscriber *subscriber);

/* Ends the subscription; no new one is made. */
void remote_subscriber_stop(struct remote_subscriber *subscriber);
void remote_subscriber_release(struct remote_subscriber *subscriber);

#endif
