/* Asking the endpoint what it has: calls that are waited for. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/patience.h"
#include "backend/kinesis/internal.h"
#include "backend/kinesis/reply.h"

#define PAGES_MAX 10000 /* of a list: an endpoint that never ends one is not believed */
#define TOKEN_MAX 8192
#define LISTED_MAX ((size_t)8 * KFS_SHARDS_MAX) /* shards of a stream, with those that are closed */
#define STATUS_POLL_MAX_MS 1000
#define KIB 1024U

/* A call that a thread waits for. */
struct remote_asking {
    struct remote_asking *next;
    struct kfs_call *call;
};

static int wait_for_call(struct remote *r, struct kfs_call *call, struct kfs_error *err)
{
    struct remote_asking asking = {.call = call};
    int rc = kfs_patience_ask();

    if (rc != 0)
        return kfs_fail(err, rc == -EAGAIN ? ETIMEDOUT : -rc, "%s: the endpoint is not waited for", call->operation);
    (void)pthread_mutex_lock(&r->asks_lock);
    bool ends = r->asks_end;
    if (!ends) {
        asking.next = r->asks;
        r->asks = &asking;
    }
    (void)pthread_mutex_unlock(&r->asks_lock);
    if (ends)
        return kfs_fail(err, ECANCELED, "the mount ends");
    rc = kfs_call_wait(r->client, call);
    (void)pthread_mutex_lock(&r->asks_lock);
    for (struct remote_asking **at = &r->asks; *at != NULL; at = &(*at)->next) {
        if (*at == &asking) {
            *at = asking.next;
            break;
        }
    }
    (void)pthread_mutex_unlock(&r->asks_lock);
    if (rc == -ECANCELED && kfs_patience_over())
        return kfs_fail(err, EINTR, "%s: interrupted; the endpoint may still carry it out", call->operation);
    if (rc == -ECANCELED && err != NULL)
        *err = call->error;
    return rc;
}

void remote_end_asking(struct remote *r)
{
    /* Whoever waits keeps its call until it has the lock. */
    (void)pthread_mutex_lock(&r->asks_lock);
    r->asks_end = true;
    for (struct remote_asking *a = r->asks; a != NULL && r->client != NULL; a = a->next)
        kfs_call_cancel(r->client, a->call);
    (void)pthread_mutex_unlock(&r->asks_lock);
}

/* Someone waits for it: what is left of the time that his call may take. 0: nothing. */
static uint32_t deadline_ms(const struct remote *r)
{
    uint64_t now = remote_mono(r);
    uint64_t until = kfs_patience_since(now) + REMOTE_CHANGE_WAIT_MS;
    uint64_t most = r->options.call_timeout_ms < REMOTE_ASK_WAIT_MS ? r->options.call_timeout_ms : REMOTE_ASK_WAIT_MS;

    return now >= until ? 0 : (uint32_t)(until - now < most ? until - now : most);
}

/* A call that was throttled has not been carried out: it is made again for as long as it may take. */
static int repeat_call(struct remote *r, struct kfs_call *call, struct kfs_error *err)
{
    uint64_t until = remote_mono(r) + call->deadline_ms;
    uint64_t pause_ms = REMOTE_PAUSE_MS;

    for (;;) {
        int rc = wait_for_call(r, call, err);
        if (rc != 0 && call->rc == 0)
            return rc; /* it was not made */
        if (call->rc == -ECANCELED)
            return rc;
        remote_heard(r, rc == 0 ? NULL : &call->error);
        uint64_t now = remote_mono(r);
        if (rc == 0 || !call->throttled || call->error.code == EDQUOT || now + pause_ms >= until) {
            if (rc != 0 && err != NULL)
                *err = call->error;
            return rc;
        }
        remote_pause(&pause_ms);
        call->deadline_ms = (uint32_t)(until - now);
    }
}

static int ask(struct remote *r, const char *operation, struct kfs_call *call, struct kfs_error *err,
               const char *format, va_list args)
{
    char text[1024 + TOKEN_MAX];
    int len = vsnprintf(text, sizeof text, format, args);

    *call = (struct kfs_call){.operation = operation, .deadline_ms = deadline_ms(r)};
    kfs_buf_init(&call->body, KFS_CALL_BODY_MAX);
    if (len < 0 || (size_t)len >= sizeof text || kfs_buf_append(&call->body, text, (size_t)len) != 0)
        return kfs_fail(err, ENOMEM, "out of memory");
    if (call->deadline_ms == 0)
        return kfs_fail(err, ETIMEDOUT, "%s: the time for it is over", operation);
    return repeat_call(r, call, err);
}

int remote_ask(struct remote *r, const char *operation, struct kfs_call *call, struct kfs_error *err,
               const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int rc = ask(r, operation, call, err, format, args);
    va_end(args);
    return rc;
}

int remote_tell(struct remote *r, const char *operation, struct kfs_error *err, const char *format, ...)
{
    struct kfs_call call;
    va_list args;

    va_start(args, format);
    int rc = ask(r, operation, &call, err, format, args);
    va_end(args);
    kfs_call_release(&call);
    return rc;
}

static int nonsense(const char *operation, struct kfs_error *err)
{
    return kfs_fail(err, EIO, "the endpoint's answer to %s makes no sense", operation);
}

/* ---- one stream ---- */

static bool get_status(const struct kfs_value *map, enum kfs_stream_status *status)
{
    static const char *const words[] = {
        [KFS_CREATING] = "CREATING", [KFS_ACTIVE] = "ACTIVE", [KFS_UPDATING] = "UPDATING", [KFS_DELETING] = "DELETING"};
    char text[16];

    if (!remote_answer_text(map, "StreamStatus", text, sizeof text))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], text) == 0) {
            *status = (enum kfs_stream_status)i;
            return true;
        }
    }
    return false;
}

static int get_summary(const struct kfs_value *answer, struct remote_facts *facts)
{
    const struct kfs_value *s = kfs_value_get(answer, "StreamDescriptionSummary");
    uint64_t hours;
    uint64_t kib = KFS_RECORD_BYTES_DEFAULT / KIB;

    if (s == NULL || s->type != KFS_VALUE_MAP || !get_status(s, &facts->status) ||
        !remote_answer_text(s, "StreamARN", facts->arn, sizeof facts->arn) ||
        !remote_answer_number(s, "RetentionPeriodHours", &hours) || hours > KFS_RETENTION_HOURS_MAX)
        return -EINVAL;
    if (!remote_answer_time(s, "StreamCreationTimestamp", &facts->created_ms))
        facts->created_ms = 0;
    (void)remote_answer_number(s, "MaxRecordSizeInKiB", &kib);
    facts->retention_hours = (uint32_t)hours;
    facts->max_record_bytes =
        kib >= 1 && kib <= KFS_RECORD_BYTES_MAX / KIB ? (uint32_t)kib * KIB : KFS_RECORD_BYTES_DEFAULT;
    return 0;
}

static int by_index(const void *a, const void *b)
{
    const struct kfs_shard_info *x = a;
    const struct kfs_shard_info *y = b;

    return x->index < y->index ? -1 : x->index > y->index;
}

/* Adds a page's shards; the next page's token, "" at the end. */
static int add_shards(const struct kfs_value *answer, struct remote_facts *facts, char token[TOKEN_MAX])
{
    const struct kfs_value *list = kfs_value_get(answer, "Shards");

    if (list == NULL || list->type != KFS_VALUE_LIST || list->n > LISTED_MAX || facts->n > LISTED_MAX - list->n)
        return -EINVAL;
    struct kfs_shard_info *more = calloc(facts->n + list->n + 1, sizeof *more);
    if (more == NULL)
        return -ENOMEM;
    if (facts->n > 0)
        memcpy(more, facts->shards, facts->n * sizeof *more);
    free(facts->shards);
    facts->shards = more;
    for (size_t i = 0; i < list->n; i++) {
        int rc = remote_answer_shard(&list->items[i], &facts->shards[facts->n]);
        if (rc != 0)
            return rc;
        facts->n++;
    }
    if (!remote_answer_text(answer, "NextToken", token, TOKEN_MAX))
        token[0] = '\0';
    return strpbrk(token, "\"\\") == NULL ? 0 : -EINVAL;
}

static int fetch_shards(struct remote *r, const char *name, struct remote_facts *facts, struct kfs_error *err)
{
    char token[TOKEN_MAX] = "";
    int rc = 0;

    for (int page = 0; rc == 0 && page < PAGES_MAX && (page == 0 || token[0] != '\0'); page++) {
        struct kfs_call call;
        if (page == 0)
            rc = remote_ask(r, "ListShards", &call, err, "{\"StreamName\":\"%s\"}", name);
        else
            rc = remote_ask(r, "ListShards", &call, err, "{\"NextToken\":\"%s\"}", token);
        if (rc == 0) {
            rc = add_shards(&call.value, facts, token);
            if (rc != 0)
                rc = rc == -ENOMEM ? kfs_fail(err, ENOMEM, "out of memory") : nonsense("ListShards", err);
        }
        kfs_call_release(&call);
    }
    if (rc == 0 && facts->n > 0)
        qsort(facts->shards, facts->n, sizeof *facts->shards, by_index);
    for (size_t i = 1; rc == 0 && i < facts->n; i++)
        if (facts->shards[i - 1].index == facts->shards[i].index)
            rc = nonsense("ListShards", err);
    return rc;
}

int remote_fetch_facts(struct remote *r, const char *name, struct remote_facts *facts, struct kfs_error *err)
{
    struct remote_facts got = {.status = KFS_CREATING, .asked = atomic_fetch_add(&r->asked, 1) + 1};
    struct kfs_call call;

    int rc = remote_ask(r, "DescribeStreamSummary", &call, err, "{\"StreamName\":\"%s\"}", name);
    if (rc == 0 && get_summary(&call.value, &got) != 0)
        rc = nonsense("DescribeStreamSummary", err);
    kfs_call_release(&call);
    if (rc == 0 && (got.status == KFS_ACTIVE || got.status == KFS_UPDATING))
        rc = fetch_shards(r, name, &got, err);
    if (rc != 0)
        remote_facts_release(&got);
    else
        *facts = got;
    return rc;
}

void remote_facts_release(struct remote_facts *facts)
{
    free(facts->shards);
    facts->shards = NULL;
    facts->n = 0;
}

void remote_pause(uint64_t *ms)
{
    kfs_patience_sleep(*ms);
    *ms = *ms * 2 < STATUS_POLL_MAX_MS ? *ms * 2 : STATUS_POLL_MAX_MS;
}

int remote_await_active(struct remote *r, const char *name, struct remote_facts *facts, struct kfs_error *err)
{
    uint64_t until = kfs_patience_since(remote_mono(r)) + REMOTE_CHANGE_WAIT_MS;
    uint64_t pause_ms = REMOTE_PAUSE_MS;

    for (;;) {
        struct kfs_error detail = {0};
        struct remote_facts got;
        int rc = remote_fetch_facts(r, name, &got, &detail);
        if (rc != 0 && (!detail.retryable || atomic_load(&r->down))) {
            if (err != NULL)
                *err = detail;
            return rc;
        }
        if (rc == 0 && got.status == KFS_ACTIVE) {
            *facts = got;
            return 0;
        }
        if (rc == 0)
            remote_facts_release(&got);
        if (remote_mono(r) >= until)
            return kfs_fail(err, ETIMEDOUT, "stream %s is still not ACTIVE after %d s", name,
                            REMOTE_CHANGE_WAIT_MS / 1000);
        remote_pause(&pause_ms);
    }
}

/* ---- all names ---- */

typedef char stream_name[KFS_STREAM_NAME_MAX + 1];

struct name_list {
    stream_name *names;
    size_t n;
    stream_name last; /* of the last page: where the next one begins */
    bool more;
};

static int add_names(const struct kfs_value *answer, struct name_list *l)
{
    const struct kfs_value *list = kfs_value_get(answer, "StreamNames");
    const struct kfs_value *more = kfs_value_get(answer, "HasMoreStreams");

    if (list == NULL || list->type != KFS_VALUE_LIST)
        return -EINVAL;
    stream_name *names = realloc(l->names, (l->n + list->n + 1) * sizeof *names);
    if (names == NULL)
        return -ENOMEM;
    l->names = names;
    for (size_t i = 0; i < list->n; i++) {
        const struct kfs_value *item = &list->items[i];
        if (item->type != KFS_VALUE_STRING || item->bytes.len > KFS_STREAM_NAME_MAX)
            return -EINVAL;
        memcpy(l->names[l->n], item->bytes.data, item->bytes.len);
        l->names[l->n][item->bytes.len] = '\0';
        if (!kfs_stream_name_valid(l->names[l->n]))
            return -EINVAL;
        memcpy(l->last, l->names[l->n], sizeof l->last);
        /* No file can have these. */
        if (strcmp(l->last, ".") != 0 && strcmp(l->last, "..") != 0)
            l->n++;
    }
    l->more = list->n > 0 && more != NULL && more->type == KFS_VALUE_BOOL && more->boolean;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

int remote_fetch_names(struct remote *r, char (**names)[KFS_STREAM_NAME_MAX + 1], size_t *n, struct kfs_error *err)
{
    struct name_list l = {.more = true};
    int rc = 0;

    for (int page = 0; rc == 0 && l.more && page < PAGES_MAX; page++) {
        struct kfs_call call;
        if (page == 0)
            rc = remote_ask(r, "ListStreams", &call, err, "{\"Limit\":100}");
        else
            rc =
                remote_ask(r, "ListStreams", &call, err, "{\"Limit\":100,\"ExclusiveStartStreamName\":\"%s\"}", l.last);
        if (rc == 0) {
            rc = add_names(&call.value, &l);
            if (rc != 0)
                rc = rc == -ENOMEM ? kfs_fail(err, ENOMEM, "out of memory") : nonsense("ListStreams", err);
        }
        kfs_call_release(&call);
    }
    if (rc != 0) {
        free(l.names);
        return rc;
    }
    if (l.n > 0)
        qsort(l.names, l.n, sizeof *l.names, by_name);
    *names = l.names;
    *n = l.n;
    return 0;
}
