/* The consumer that a stream's shards are subscribed to as: found, or registered where it is missing, once for all
 * of them (docs/REMOTE.md section 4). A machine on the loop's thread: see world.h. */
#ifndef KFS_KINESIS_CONSUMER_H
#define KFS_KINESIS_CONSUMER_H

#include "backend/backend.h"
#include "backend/kinesis/world.h"

#define REMOTE_CONSUMER_ARN_MAX 512

/* Someone who waits for the consumer. Owned by him, until told is called or he withdraws it. */
struct remote_consumer_ask {
    struct remote_consumer_ask *next;
    /* The consumer is ACTIVE, or failure says why not. May ask again. */
    void (*told)(struct remote_consumer_ask *ask, const struct kfs_error *failure);
};

struct remote_consumer {
    const struct remote_world *world;
    const char *name; /* borrowed; NULL: there are no subscriptions */
    uint32_t call_timeout_ms;
    char stream_arn[KFS_ARN_MAX];      /* "": not initialised */
    char arn[REMOTE_CONSUMER_ARN_MAX]; /* "" while it is not known to be ACTIVE; needs no escape in JSON */
    struct kfs_call call;
    struct kfs_timer timer; /* while it is CREATING or DELETING */
    struct remote_consumer_ask *asks;
    uint32_t described; /* in this asking */
    bool busy;          /* call or timer */
    bool stopped;
};

/* Before any of the stream's shards runs. */
void remote_consumer_init(struct remote_consumer *consumer, const struct remote_world *world, const char *name,
                          const char *stream_arn, uint32_t call_timeout_ms);

/* Where arn is "": looks for it, and tells. Not before it has returned. */
void remote_consumer_ask(struct remote_consumer *consumer, struct remote_consumer_ask *ask);
void remote_consumer_withdraw(struct remote_consumer *consumer, struct remote_consumer_ask *ask);

/* The endpoint says that there is no such consumer: the next who asks looks for it again. */
void remote_consumer_forget(struct remote_consumer *consumer);

/* No one asks any more; a call is ended. Also of one that was never initialised. */
void remote_consumer_stop(struct remote_consumer *consumer);
void remote_consumer_release(struct remote_consumer *consumer);

#endif
