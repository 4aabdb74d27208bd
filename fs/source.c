#include "fs/source.h"

#include <errno.h>
#include <stdlib.h>

#include "backend/base/clock.h"
#include "backend/kinesis/connect.h"
#include "backend/kinesis/kinesis.h"
#include "backend/local/local.h"

#define POLL_BUSY_MS 200 /* five calls a second are a shard's, for all its readers */
#define LOG_IDLE_MS 60000
#define POLL_IDLE_MS 1000
#define REMOTE_SEGMENT_MAX (UINT64_C(8) << 20) /* what is acknowledged goes by whole segments */

struct kfs_source_state {
    struct kfs_connection *connection; /* NULL for a local store */
};

static int open_local(const struct kfs_options *options, const char *dir, struct kfs_backend **backend,
                      struct kfs_error *err)
{
    const struct kfs_local_options local = {
        .sync_interval_ms = options->sync_interval_ms,
        .segment_bytes = options->segment_size,
        .retention_bytes = options->retention_size,
        .region = options->region,
        .account = options->account,
        .io = &kfs_posix_io,
        .clock = &kfs_system_clock,
    };

    return kfs_local_open(dir, &local, backend, err);
}

static int open_remote(const struct kfs_options *options, const char *dir, struct kfs_source_state *state,
                       struct kfs_backend **backend, struct kfs_error *err)
{
    struct kfs_kinesis_options remote = {
        .call_timeout_ms = KFS_CALL_DEADLINE_MS,
        .linger_ms = options->linger_ms,
        .strict = options->ordering == KFS_OPTIONS_STRICT,
        .paced = options->pace,
        .spool_max = options->spool_max,
        .spool_wait_ms = options->spool_wait_ms,
        .drain_ms = options->drain_ms,
        .from_latest = options->start == KFS_OPTIONS_LATEST,
        .fanout = options->fanout,
        .mirror_max = options->mirror_max,
        .poll_busy_ms = POLL_BUSY_MS,
        .poll_idle_ms = POLL_IDLE_MS,
        .log_idle_ms = LOG_IDLE_MS,
        .refresh_ms = options->refresh_ms,
        .sync_interval_ms = options->sync_interval_ms,
        .segment_bytes = options->segment_size < REMOTE_SEGMENT_MAX ? options->segment_size : REMOTE_SEGMENT_MAX,
        .allow_delete = options->allow_delete,
        .io = &kfs_posix_io,
        .clock = &kfs_system_clock,
    };
    const char *named =
        options->source_type == KFS_SOURCE_KINESIS && options->source[0] != '\0' ? options->source : options->region;
    const struct kfs_connection_config config = {
        .url = options->source_type == KFS_SOURCE_URL ? options->source : NULL,
        .region = named,
        .profile = options->profile,
        .tls = {.ca_bundle = options->ca_bundle,
                .insecure = options->insecure,
                .http1 = options->http == KFS_OPTIONS_HTTP_1},
        .clock = &kfs_system_clock,
    };

    int rc = kfs_connection_open(&config, &state->connection, err);
    if (rc == 0) {
        kfs_connection_fill(state->connection, &remote);
        rc = kfs_kinesis_open(dir, &remote, backend, err);
    }
    return rc;
}

int kfs_source_open(const struct kfs_options *options, const char *dir, struct kfs_source_state **out,
                    struct kfs_backend **backend, struct kfs_error *err)
{
    struct kfs_source_state *state = calloc(1, sizeof *state);

    if (state == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    int rc = options->source_type == KFS_SOURCE_LOCAL ? open_local(options, dir, backend, err)
                                                      : open_remote(options, dir, state, backend, err);
    if (rc != 0) {
        kfs_connection_close(state->connection);
        free(state);
        return rc;
    }
    *out = state;
    return 0;
}

int kfs_source_close(struct kfs_source_state *state, struct kfs_backend *backend)
{
    int rc = kfs_backend_close(backend);

    kfs_connection_close(state->connection);
    free(state);
    return rc;
}
