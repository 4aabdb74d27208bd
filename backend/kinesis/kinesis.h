/* The backend whose streams are on a Kinesis endpoint: docs/REMOTE.md. */
#ifndef KFS_KINESIS_KINESIS_H
#define KFS_KINESIS_KINESIS_H

#include "backend/backend.h"
#include "backend/base/clock.h"
#include "backend/base/io.h"
#include "backend/kinesis/client.h"

struct kfs_kinesis_options {
    /* The endpoint; borrowed until close. */
    const char *endpoint; /* URL */
    const char *region;
    struct kfs_tls tls;
    struct kfs_credential_source credentials;
    uint32_t call_timeout_ms; /* of one call */

    /* Writing. */
    uint64_t linger_ms;
    bool strict;
    bool paced;
    uint64_t spool_max; /* bytes not yet acknowledged, of all shards */
    uint64_t spool_wait_ms;
    uint64_t drain_ms; /* how long a close waits for acknowledgements */

    /* Reading. */
    bool from_latest;
    const char *fanout; /* the consumer that shards are subscribed to as; NULL: they are polled. Borrowed until close */
    uint64_t mirror_max; /* bytes a shard */
    uint64_t poll_busy_ms;
    uint64_t poll_idle_ms;
    uint64_t log_idle_ms; /* after which a mirror that no one uses is closed */

    uint64_t refresh_ms; /* of the catalogue */
    uint64_t sync_interval_ms;
    uint64_t segment_bytes;
    bool allow_delete;

    const struct kfs_io *io;
    const struct kfs_clock *clock; /* wall: retention; mono: every wait */
};

/* Opens the state directory, made where missing (its last component). Does not wait for the endpoint.
 * -EBUSY where another process has it (err names its pid); -EIO where it is damaged; -EINVAL where it is
 * another endpoint's. */
int kfs_kinesis_open(const char *dir, const struct kfs_kinesis_options *options, struct kfs_backend **out,
                     struct kfs_error *err);

#endif
