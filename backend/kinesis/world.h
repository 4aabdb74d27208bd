/* What the machines of a shard need of the world: time, chance and calls of the endpoint. A machine is driven on
 * one thread, the loop's: everything here is called on it, and calls back on it, but for cancel never before it has
 * returned. */
#ifndef KFS_KINESIS_WORLD_H
#define KFS_KINESIS_WORLD_H

#include <stdint.h>

#include "backend/kinesis/client.h"

struct remote_world {
    void *ctx;
    uint64_t (*now_ms)(void *ctx); /* monotonic */
    uint64_t (*random)(void *ctx);
    void (*call)(void *ctx, struct kfs_call *call);
    void (*cancel)(void *ctx, struct kfs_call *call); /* its done has been called then; not in event */
    void (*arm)(void *ctx, struct kfs_timer *timer, uint64_t after_ms); /* replaces an earlier time */
    void (*disarm)(void *ctx, struct kfs_timer *timer);
};

#endif
