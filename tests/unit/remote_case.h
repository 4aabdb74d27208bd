/* For the tests of the remote backend: one, its endpoint, and a stream "s" of one shard. */
#ifndef KFS_TESTS_REMOTE_CASE_H
#define KFS_TESTS_REMOTE_CASE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/machine.h"
#include "tests/support/remoteworld.h"

static struct remote_world_test world;
static struct kfs_backend *backend;
static struct kfs_stream *stream;

static inline int setup(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    remoteworld_start(&world, &kfs_system_clock);
    world.options.refresh_ms = 60000;
    world.options.drain_ms = 200;
    return 0;
}

static inline void close_backend(void)
{
    kfs_stream_close(stream);
    stream = NULL;
    assert_int_equal(kfs_backend_close(backend), 0);
}

static inline int teardown(void **state)
{
    (void)state;
    close_backend();
    remoteworld_stop(&world);
    return 0;
}

static inline void open_backend(void)
{
    assert_int_equal(remoteworld_open(&world, &backend), 0);
}

static inline void make_stream(uint32_t max_record_bytes)
{
    const struct kfs_stream_spec spec = {.shards = 1, .max_record_bytes = max_record_bytes};

    assert_int_equal(kfs_stream_create(backend, "s", &spec, NULL), 0);
    assert_int_equal(kfs_stream_open(backend, "s", &stream, NULL), 0);
}

static inline int put(const char *data, size_t len)
{
    const struct kfs_put one = {.data = {data, len}, .key = {"k", 1}};

    return kfs_append(stream, 0, &one, 1, NULL, NULL);
}

static inline bool is_there(const char *below)
{
    char path[TEMPDIR_PATH_SIZE + 64];

    (void)snprintf(path, sizeof path, "%s/%s", world.dir, below);
    return access(path, F_OK) == 0;
}

/* The file `state` is written anew; without an endpoint it is removed. */
static inline void write_state(const char *endpoint)
{
    char path[TEMPDIR_PATH_SIZE + 16];

    (void)snprintf(path, sizeof path, "%s/state", world.dir);
    if (endpoint == NULL) {
        assert_int_equal(unlink(path), 0);
        return;
    }
    FILE *f = fopen(path, "w");
    if (f == NULL)
        abort();
    assert_true(fprintf(f, "{\"format\":1,\"endpoint\":\"%s\"}\n", endpoint) > 0);
    assert_int_equal(fclose(f), 0);
}

#endif
