/* An endpoint in this process, over the reference backend and on a port of the loopback, and the remote
 * backend that is its client. */
#ifndef KFS_TESTS_REMOTEWORLD_H
#define KFS_TESTS_REMOTEWORLD_H

#include "backend/endpoint/server.h"
#include "backend/kinesis/kinesis.h"
#include "tests/support/tempdir.h"

struct remote_world_test {
    struct kfs_clock clock; /* wall: the test's, mono: the system's */
    const struct kfs_clock *wall;
    struct kfs_api_config api_config; /* may be changed before the start */
    struct kfs_backend *endpoint;     /* the reference */
    struct kfs_api *api;
    struct kfs_api_server *server;
    char dir[TEMPDIR_PATH_SIZE];
    char url[64];
    struct kfs_kinesis_options options; /* may be changed before the backend is opened */
};

/* Options for a backend that tests need not wait for, whose endpoint is at url. */
void remoteworld_aim(struct remote_world_test *w, const struct kfs_clock *clock, const char *url);

/* An endpoint, and the same options for a backend that tests need not wait for. clock: the endpoint's time. */
void remoteworld_start(struct remote_world_test *w, const struct kfs_clock *clock);
int remoteworld_open(struct remote_world_test *w, struct kfs_backend **b);
void remoteworld_stop(struct remote_world_test *w); /* the backend has been closed before */

/* Syncs the stream's first shard, waiting so long at most; 0: as long as it takes. */
int remoteworld_sync(struct kfs_stream *stream, uint64_t ms);

/* The endpoint takes records of the default size, of the stream "s"; the backend does not hear of it. */
void remoteworld_lower_limit(struct remote_world_test *w);

/* Credentials that never change. */
struct kfs_credential_source remoteworld_keys(void);

#endif
