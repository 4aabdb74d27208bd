#include "tests/support/clientworld.h"

#include <stdlib.h>
#include <string.h>

static uint64_t wall(void *ctx)
{
    return ((struct client_world *)ctx)->wall_ms;
}

static uint64_t mono(void *ctx)
{
    (void)ctx;
    return kfs_system_clock.mono_ms(NULL);
}

static int get(void *ctx, struct kfs_credentials *keys, struct kfs_error *err)
{
    struct client_world *w = ctx;

    if (w->get_rc != 0)
        return kfs_fail(err, -w->get_rc, "no credentials are to be had");
    return kfs_credentials_set(keys, (struct kfs_bytes){w->id, strlen(w->id)},
                               (struct kfs_bytes){VECTOR_SECRET, strlen(VECTOR_SECRET)},
                               (struct kfs_bytes){w->token, w->token == NULL ? 0 : strlen(w->token)});
}

static void refused(void *ctx, const char *id)
{
    struct client_world *w = ctx;

    assert_string_equal(id, w->id);
    w->refusals++;
    if (w->next_id != NULL)
        w->id = w->next_id;
}

static void watch(void *ctx, void (*changed)(void *arg), void *arg)
{
    struct client_world *w = ctx;

    w->changed = changed;
    w->changed_arg = arg;
}

struct kfs_client_config client_config(struct client_world *w, const char *url)
{
    return (struct kfs_client_config){
        .loop = w->loop,
        .clock = &w->clock,
        .endpoint = url,
        .region = VECTOR_REGION,
        .tls = w->tls,
        .credentials = {w, get, refused, watch},
    };
}

void connect_to(struct client_world *w, const char *url)
{
    struct kfs_client_config config = client_config(w, url);

    assert_int_equal(kfs_client_new(&config, &w->client, NULL), 0);
}

int client_world_setup(void **state)
{
    struct client_world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->clock = (struct kfs_clock){w, wall, mono};
    w->wall_ms = VECTOR_MS;
    w->id = "AKIDEXAMPLE";
    stand_start(&w->stand);
    assert_int_equal(kfs_loop_start(&w->clock, &w->loop, NULL), 0);
    *state = w;
    return 0;
}

int client_world_teardown(void **state)
{
    struct client_world *w = *state;

    kfs_client_free(w->client);
    kfs_loop_stop(w->loop);
    stand_stop(&w->stand);
    free(w);
    return unsetenv("http_proxy") | unsetenv("HTTP_PROXY") | unsetenv("ALL_PROXY") | unsetenv("NO_PROXY");
}

void prepare(struct kfs_call *call, const char *operation, const char *body)
{
    *call = (struct kfs_call){.operation = operation};
    kfs_buf_init(&call->body, KFS_CALL_BODY_MAX);
    assert_int_equal(kfs_buf_append(&call->body, body, strlen(body)), 0);
}

void call_with(struct client_world *w, struct kfs_call *call, struct stand_answer answer)
{
    answer.when = "POST /";
    stand_script(&w->stand, &answer, 1);
    if (w->client == NULL)
        connect_to(w, w->stand.url);
    prepare(call, "ListStreams", "{}");
    call->deadline_ms = w->deadline_ms;
    (void)kfs_call_wait(w->client, call);
}
