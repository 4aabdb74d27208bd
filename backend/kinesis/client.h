/* A client of a Kinesis endpoint: calls of operations with JSON bodies, signed, on a loop (loop.h).
 *
 * A call is tried once. Only where the endpoint has said that it did nothing because of the signature is it sent
 * again, once, with the time by the endpoint's clock, or with new credentials. All other retrying is the
 * caller's, who knows how long it makes sense: the result says whether it may help. */
#ifndef KFS_KINESIS_CLIENT_H
#define KFS_KINESIS_CLIENT_H

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/base/value.h"
#include "backend/kinesis/credentials.h"
#include "backend/kinesis/loop.h"
#include "backend/kinesis/transfer.h"

#define KFS_CALL_BODY_MAX ((size_t)20 << 20)     /* 10 MiB of records in base64, and what is around them */
#define KFS_CALL_RESPONSE_MAX ((size_t)20 << 20) /* the same */
#define KFS_CALL_DEADLINE_MS 30000
#define KFS_STREAM_DEADLINE_MS 330000 /* a subscription ends after 5 minutes */

struct kfs_client;
struct kfs_call_state;

struct kfs_client_config {
    struct kfs_loop *loop;         /* borrowed, as is all of this */
    const struct kfs_clock *clock; /* its wall clock is what is signed */
    const char *endpoint;          /* URL, without a query */
    const char *region;
    struct kfs_tls tls;
    struct kfs_credential_source credentials;
    uint32_t connect_timeout_ms; /* 0: 5 s */
};

/* -EINVAL: endpoint or region is none; -ENOMEM. */
int kfs_client_new(const struct kfs_client_config *config, struct kfs_client **client, struct kfs_error *err);

/* Cancels what is under way, returns when every done has been called, and frees. Calls that are started meanwhile
 * end with -ECANCELED. Not on the loop's thread; takes NULL. */
void kfs_client_free(struct kfs_client *client);

struct kfs_call {
    /* Set by the caller; all else zero before the first start. */
    const char *operation; /* of the service: "PutRecords"; static */
    struct kfs_buf body;   /* JSON. Left as it is, so that the call can be started again */
    const uint8_t *digest; /* SHA-256 of the body, where it is known already; borrowed while the call is under way */
    uint32_t deadline_ms;  /* 0: KFS_CALL_DEADLINE_MS, of a stream KFS_STREAM_DEADLINE_MS */
    uint32_t idle_ms;      /* without a byte, exact to a second; 0: 20 s */
    size_t response_max;   /* bytes, 0: KFS_CALL_RESPONSE_MAX; of a stream: of one message */
    /* For operations that answer with an event stream: an event's payload, valid in the call; not the
     * initial-response. On the loop's thread; it may start calls, but cancel none. -errno ends the call with it. NULL:
     * the answer is a body of JSON. */
    int (*event)(struct kfs_call *call, const struct kfs_value *event);
    /* Once for each start, on the loop's thread; may start the call again, release or free it. */
    void (*done)(struct kfs_call *call);

    /* The result, until the call is started again or released. */
    int rc;                  /* 0 or -errno */
    struct kfs_error error;  /* where rc is not 0 */
    bool throttled;          /* the endpoint, or one of its shards, has too much to do */
    bool reached;            /* it failed, and the endpoint may have carried it out all the same */
    uint32_t repeats;        /* how often libcurl sent it once more by itself */
    uint64_t retry_after_ms; /* what the endpoint asks to wait; 0: it does not say */
    struct kfs_value value;  /* the answer; an empty map where the body is empty */

    /* The client's own. */
    struct kfs_client *client;
    struct kfs_task start;
    void *waiter;
    struct kfs_call_state *state;
};

/* Starts it. Any thread. done is called later, never from in here; also when memory runs out. */
void kfs_call_start(struct kfs_client *client, struct kfs_call *call);

/* Ends a call early, with -ECANCELED; does nothing where it has ended. Any thread: waits for the loop to do it, and
 * done has been called when this returns. The call must live until then. */
void kfs_call_cancel(struct kfs_client *client, struct kfs_call *call);

/* Starts it and waits for its end, on a thread that is not the loop's; call->done is not used. Returns call->rc.
 * Bounded by the call's deadline; another thread may cancel it, and an interruption of this thread's call (patience.h)
 * does. */
int kfs_call_wait(struct kfs_client *client, struct kfs_call *call);

/* Frees the result and the body. Not while it is under way. */
void kfs_call_release(struct kfs_call *call);

struct kfs_client_stats {
    uint64_t calls;  /* ended */
    uint64_t failed; /* of these */
    uint64_t throttled;
    uint64_t resent;  /* because of a clock or expired credentials */
    int64_t skew_ms;  /* how much the endpoint's clock is ahead, where that was found to matter */
    uint32_t running; /* now */
};
void kfs_client_stats(struct kfs_client *client, struct kfs_client_stats *stats);

#endif
