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

static void finish(struct machine *m)
{
    struct kfs_call *done = m->call;

    m->call = NULL;
    done->done(done);
}

static void cancel(void *ctx, struct kfs_call *canceled)
{
    struct machine *m = ctx;

    if (m->call != canceled) /* it has ended */
        return;
    m->call->rc = kfs_fail(&m->call->error, ECANCELED, "canceled");
    finish(m);
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
    m->world = (struct remote_world){m, now_ms, chance, call, cancel, arm, disarm};
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

/* The value lives as long as *json, which is to be freed, and until the next is decoded. */
static struct kfs_value decode(struct machine *m, char **json, const char *format, va_list args)
{
    static char text[65536];
    struct kfs_value value;

    assert_non_null(m->call);
    int len = vsnprintf(text, sizeof text, format, args);
    assert_true(len >= 0 && (size_t)len < sizeof text);
    *json = quoted(text);
    kfs_arena_free(m->arena);
    m->arena = kfs_arena_new(ANSWER_MAX);
    assert_non_null(m->arena);
    assert_int_equal(kfs_json_decode(m->arena, (struct kfs_bytes){*json, strlen(*json)}, &value), 0);
    return value;
}

void machine_answer(struct machine *m, const char *format, ...)
{
    va_list args;
    char *json;

    va_start(args, format);
    struct kfs_value value = decode(m, &json, format, args);
    va_end(args);
    m->call->value = value;
    m->call->rc = 0;
    finish(m);
    free(json);
}

int machine_event(struct machine *m, const char *format, ...)
{
    va_list args;
    char *json;

    va_start(args, format);
    struct kfs_value value = decode(m, &json, format, args);
    va_end(args);
    int rc = m->call->event(m->call, &value);
    free(json);
    if (rc == 0)
        return 0;
    m->call->rc = rc;
    finish(m);
    return rc;
}

void machine_end(struct machine *m)
{
    assert_non_null(m->call);
    m->call->rc = 0;
    finish(m);
}

void machine_fail(struct machine *m, int code, bool retryable, const char *aws_code)
{
    assert_non_null(m->call);
    m->call->rc = kfs_fail_aws(&m->call->error, code, aws_code, "%s: it failed", m->call->operation);
    m->call->error.retryable = retryable;
    finish(m);
}
