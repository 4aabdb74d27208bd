/* The sender of a shard: takes records from its spool to the endpoint, in order, until each is
 * settled (docs/REMOTE.md section 3). A machine on the loop's thread: see world.h. */
#ifndef KFS_KINESIS_SENDER_H
#define KFS_KINESIS_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/kinesis/batch.h"
#include "backend/kinesis/pace.h"
#include "backend/kinesis/spool.h"
#include "backend/kinesis/world.h"

struct remote_sender;

/* What became of a record. */
struct remote_outcome {
    uint64_t offset; /* in the spool */
    int error;       /* 0, or -errno: a dead letter */
    uint32_t shard;  /* where it went */
    struct kfs_seq seq;
};

/* Who is told. On the loop's thread. */
struct remote_sender_events {
    /* Records are settled; the position of the spool has moved before. failure says why where one is a dead letter,
     * else NULL. */
    void (*settled)(void *arg, const struct remote_outcome *outcomes, size_t n, const struct kfs_error *failure);
    /* A call failed and will be made again. */
    void (*trouble)(void *arg, const struct kfs_error *failure);
};

struct remote_sender_config {
    const struct remote_world *world;
    struct remote_spool *spool;
    const char *stream;   /* borrowed */
    const char *shard_id; /* borrowed */
    struct kfs_hash_range range;
    uint32_t shard;
    uint64_t linger_ms;
    uint32_t call_timeout_ms;
    bool strict;
    bool paced;
    const struct remote_sender_events *events;
    void *arg;
};

enum remote_sender_state { REMOTE_IDLE, REMOTE_LINGERING, REMOTE_WAITING, REMOTE_SENDING, REMOTE_STOPPED };

/* Counted on the loop's thread; others read copies. */
struct remote_sender_counts {
    uint64_t requests;
    uint64_t retried;   /* records sent again */
    uint64_t throttled; /* entries and calls */
    uint64_t failures;  /* calls */
};

struct remote_sender {
    struct remote_sender_config config;
    enum remote_sender_state state;
    struct kfs_timer timer;
    struct kfs_call call;
    struct remote_pace pace;
    struct remote_batch batches[2];
    struct remote_batch *batch;           /* of the call that is under way; its body is the call's */
    struct remote_batch *ahead;           /* the next one, as far as it is made */
    uint64_t again[REMOTE_BATCH_RECORDS]; /* offsets of what is not settled, to be at the head of the next batch */
    size_t n_again;
    uint64_t next;        /* offset in the spool of what was never in a batch */
    uint64_t next_record; /* its ordinal; of what an earlier mount left it is not known, and too great */
    size_t limit_records; /* halved by a refusal, doubled by a success */
    size_t limit_bytes;
    uint32_t failures; /* in a row */
    bool stopping;
    struct remote_sender_counts counts;
    struct kfs_batch room; /* what was read of the spool */
};

void remote_sender_init(struct remote_sender *sender, const struct remote_sender_config *config);

/* There may be something new in the spool, or a reason to try at once. */
void remote_sender_kick(struct remote_sender *sender);

/* Where it is backing off: tries now. */
void remote_sender_retry(struct remote_sender *sender);

/* No new call is made. False while one is under way: released only after its answer. */
bool remote_sender_stop(struct remote_sender *sender);
void remote_sender_release(struct remote_sender *sender);

#endif
