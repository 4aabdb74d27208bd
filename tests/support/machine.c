#include "tests/support/machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX ((size_t)1 << 20)

static uint64_t now_ms(void *ctx)
{
    return ((struct machine *)ctx)->ms;
}

static uint64_t chance(void *ctx)
{
    return ((struct machine *)ctx)->random;
}

static void call(void *ctx, struct kfs_call *started)
{
    struct machine *m = ctx;

    assert_null(m->call);
    m->call = started;
}

static void arm(void *ctx, struct kfs_timer *timer, uint64_t after_ms)
{
    struct machine *m = ctx;

    assert_int_equal(kfs_timer_set(&m->timers, timer, m->ms + after_ms), 0);
}

static void disarm(void *ctx, struct kfs_timer *timer)
{
    kfs_timer_cancel(&((struct machine *)ctx)->timers, timer);
}

int machine_setup(void **state)
{
    struct machine *m = calloc(1, sizeof *m);

    assert_non_null(m);
    m->ms = 1700000000000;
    m->world = (struct remote_world){m, now_ms, chance, call, arm, disarm};
    m->clock = (struct kfs_clock){m, now_ms, now_ms};
    tempdir_make(m->dir);
    m->fd = kfs_posix_io.open_root(NULL, m->dir, true);
    assert_true(m->fd >= 0);
    *state = m;
    return 0;
}

int machine_teardown(void **state)
{
    struct machine *m = *state;

    kfs_timers_release(&m->timers);
    kfs_arena_free(m->arena);
    kfs_posix_io.close(NULL, m->fd);
    tempdir_remove(m->dir);
    free(m);
    return 0;
}

void machine_pass(struct machine *m, uint64_t ms)
{
    uint64_t until = m->ms + ms;

    while (kfs_timers_next(&m->timers) <= until) {
        if (kfs_timers_next(&m->timers) > m->ms)
            m->ms = kfs_timers_next(&m->timers);
        kfs_timers_run(&m->timers, m->ms);
    }
    m->ms = until;
}

/* A copy with " for '. */
static char *quoted(const char *text)
{
    char *copy = strdup(text);

    assert_non_null(copy);
    for (char *c = copy; *c != '\0'; c++)
        *c = (char)(*c == '\'' ? '"' : *c);
    return copy;
}

void machine_expect(struct machine *m, const char *operation, const char *text)
{
    char *wanted = quoted(text);

    assert_non_null(m->call);
    assert_string_equal(m->call->operation, operation);
    assert_int_equal(kfs_buf_append(&m->call->body, "", 1), 0);
    if (strstr(m->call->body.data, wanted) == NULL)
        fail_msg("%s has no %s", m->call->body.data, wanted);
    m->call->body.len--;
    free(wanted);
}

void machine_expect_none(struct machine *m)
{
    if (m->call != NULL)
        fail_msg("there is a call of %s", m->call->operation);
}

static void finish(struct machine *m)
{
    struct kfs_call *done = m->call;

    m->call = NULL;
    done->done(done);
}

void machine_answer(struct machine *m, const char *format, ...)
{
    static char text[65536];
    va_list args;

    assert_non_null(m->call);
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert_true(len >= 0 && (size_t)len < sizeof text);
    char *json = quoted(text);
    kfs_arena_free(m->arena);
    m->arena = kfs_arena_new(ANSWER_MAX);
    assert_non_null(m->arena);
    assert_int_equal(kfs_json_decode(m->arena, (struct kfs_bytes){json, strlen(json)}, &m->call->value), 0);
    m->call->rc = 0;
    finish(m);
    free(json);
}

void machine_fail(struct machine *m, int code, bool retryable, const char *aws_code)
{
    assert_non_null(m->call);
    m->call->rc = kfs_fail_aws(&m->call->error, code, aws_code, "%s: it failed", m->call->operation);
    m->call->error.retryable = retryable;
    finish(m);
}
