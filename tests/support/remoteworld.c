#include "tests/support/remoteworld.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/memory.h"

#define MIB (UINT64_C(1) << 20)

static uint64_t wall(void *ctx)
{
    const struct remote_world_test *w = ctx;

    return w->wall->wall_ms(w->wall->ctx);
}

static uint64_t mono(void *ctx)
{
    (void)ctx;
    return kfs_system_clock.mono_ms(kfs_system_clock.ctx);
}

static int get(void *ctx, struct kfs_credentials *keys, struct kfs_error *err)
{
    (void)ctx;
    (void)err;
    return kfs_credentials_set(keys, (struct kfs_bytes){"AKIDEXAMPLE", 11}, (struct kfs_bytes){"secret", 6},
                               (struct kfs_bytes){NULL, 0});
}

static void refused(void *ctx, const char *id)
{
    (void)ctx;
    (void)id;
}

static void watch(void *ctx, void (*changed)(void *arg), void *arg)
{
    (void)ctx;
    (void)changed;
    (void)arg;
}

struct kfs_credential_source remoteworld_keys(void)
{
    return (struct kfs_credential_source){NULL, get, refused, watch};
}

void remoteworld_aim(struct remote_world_test *w, const struct kfs_clock *clock, const char *url)
{
    w->wall = clock;
    w->clock = (struct kfs_clock){w, wall, mono};
    (void)snprintf(w->url, sizeof w->url, "%s", url);
    tempdir_make(w->dir);
    w->options = (struct kfs_kinesis_options){
        .endpoint = w->url,
        .region = "us-east-1",
        .credentials = remoteworld_keys(),
        .call_timeout_ms = 10000,
        .spool_max = 256 * MIB,
        .spool_wait_ms = 1000,
        .drain_ms = 5000,
        .mirror_max = 1024 * MIB,
        .poll_busy_ms = 1,
        .poll_idle_ms = 20,
        .log_idle_ms = 10,
        .refresh_ms = 100,
        .sync_interval_ms = 50, /* and so mirrors are closed as soon as they are idle */
        .segment_bytes = 64 * MIB,
        .allow_delete = true,
        .io = &kfs_posix_io,
        .clock = &w->clock,
    };
}

void remoteworld_start(struct remote_world_test *w, const struct kfs_clock *clock)
{
    struct kfs_api_server_config server = {.address = "127.0.0.1", .threads = 2};
    struct kfs_error err;
    char url[sizeof w->url];

    w->endpoint = memory_open(clock);
    w->api_config.backend = w->endpoint;
    w->api_config.clock = clock;
    w->api_config.region = "us-east-1";
    w->api_config.account = "000000000000";
    if (kfs_api_new(&w->api_config, &w->api, &err) != 0)
        abort();
    server.api = w->api;
    if (kfs_api_server_start(&server, &w->server, &err) != 0)
        abort();
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)kfs_api_server_port(w->server));
    remoteworld_aim(w, clock, url);
}

int remoteworld_open(struct remote_world_test *w, struct kfs_backend **b)
{
    struct kfs_error err = {0};
    int rc = kfs_kinesis_open(w->dir, &w->options, b, &err);

    if (rc != 0)
        (void)fprintf(stderr, "%s: %s\n", w->dir, err.text);
    return rc;
}

void remoteworld_stop(struct remote_world_test *w)
{
    if (w->server != NULL) /* NULL: the test has stopped it */
        kfs_api_server_stop(w->server, 1000);
    kfs_api_free(w->api);
    (void)kfs_backend_close(w->endpoint);
    tempdir_remove(w->dir);
}

struct waited {
    struct kfs_sync op;
    sem_t done;
    int result;
};

static void on_done(struct kfs_sync *op, int result)
{
    struct waited *w = (struct waited *)op;

    w->result = result;
    (void)sem_post(&w->done);
}

int remoteworld_sync(struct kfs_stream *stream, uint64_t ms)
{
    struct waited w = {.op = {.done = on_done, .wait_ms = ms}};

    (void)sem_init(&w.done, 0, 0);
    kfs_sync(stream, 0, &w.op);
    while (sem_wait(&w.done) != 0)
        continue;
    (void)sem_destroy(&w.done);
    return w.result;
}

void remoteworld_lower_limit(struct remote_world_test *w)
{
    const struct kfs_stream_change change = {.max_record_bytes = KFS_RECORD_BYTES_DEFAULT};
    struct kfs_stream *there;

    if (kfs_stream_open(w->endpoint, "s", &there, NULL) != 0 || kfs_stream_update(there, &change, NULL) != 0)
        abort();
    kfs_stream_close(there);
}
