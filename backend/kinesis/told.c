/* What a shard's machines tell: who waits for it is told, and what went wrong is noted. */
#include <errno.h>
#include <stdio.h>

#include "backend/base/logger.h"
#include "backend/kinesis/internal.h"
#include "backend/kinesis/verdict.h"

/* ---- what the sender tells ---- */

/* Under lock. */
struct remote_sync_wait *remote_take_syncs(struct remote_shard *shard, uint64_t settled)
{
    struct remote_sync_wait **at = &shard->syncs;
    struct remote_sync_wait *taken = NULL;

    while (*at != NULL) {
        struct remote_sync_wait *wait = *at;
        if (wait->until <= settled) {
            *at = wait->next;
            wait->next = taken;
            taken = wait;
        } else {
            at = &wait->next;
        }
    }
    return taken;
}

void remote_finish_syncs(struct remote_sync_wait *list, int result)
{
    while (list != NULL) {
        struct remote_sync_wait *next = list->next;
        list->done(list, result);
        list = next;
    }
}

void remote_shard_fail_syncs(struct remote_shard *shard)
{
    (void)pthread_mutex_lock(&shard->lock);
    struct remote_sync_wait *syncs = remote_take_syncs(shard, UINT64_MAX);
    (void)pthread_mutex_unlock(&shard->lock);
    remote_finish_syncs(syncs, -ETIMEDOUT);
}

/* Under lock. Gives an outcome to who waits for it. */
static bool give_result(struct remote_shard *shard, const struct remote_outcome *outcome)
{
    for (struct remote_result_wait *w = shard->results; w != NULL; w = w->next) {
        size_t low = 0;
        size_t high = w->n;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (w->offsets[middle] < outcome->offset)
                low = middle + 1;
            else
                high = middle;
        }
        if (low == w->n || w->offsets[low] != outcome->offset)
            continue;
        *w->results[low] =
            (struct kfs_put_result){.error = outcome->error, .shard = outcome->shard, .seq = outcome->seq};
        w->left--;
        return true;
    }
    return false;
}

void remote_take_room(struct remote *r, uint64_t bytes)
{
    (void)pthread_mutex_lock(&r->room_lock);
    r->pending += (int64_t)bytes;
    (void)pthread_mutex_unlock(&r->room_lock);
}

void remote_free_room(struct remote *r, uint64_t bytes)
{
    (void)pthread_mutex_lock(&r->room_lock);
    r->pending -= (int64_t)bytes;
    (void)pthread_cond_broadcast(&r->room);
    (void)pthread_mutex_unlock(&r->room_lock);
}

/* Under lock. */
static void note_error(struct remote_shard *shard, const struct kfs_error *failure)
{
    shard->last_error = *failure;
    shard->last_error_ms = remote_wall(shard->stream->remote);
}

int remote_fail_as_last(const struct remote_shard *shard, int number, struct kfs_error *err)
{
    if (err != NULL) {
        *err = shard->last_error;
        err->code = number;
    }
    return -number;
}

/* Counted on this thread only. */
static void count_in(atomic_ullong *refused, int code)
{
    unsigned long long times = atomic_load(refused) / REMOTE_REFUSALS;

    atomic_store(refused, (times + 1) * REMOTE_REFUSALS + (unsigned)code);
}

static void count_refused(struct remote_shard *shard, int code)
{
    count_in(&shard->refused, code);
    count_in(&shard->stream->refused, code);
}

static void on_settled(void *arg, const struct remote_outcome *outcomes, size_t n, const struct kfs_error *failure)
{
    struct remote_shard *shard = arg;
    struct remote *r = shard->stream->remote;
    struct remote_spool_state state;
    bool untold = false;
    uint64_t before;

    (void)pthread_mutex_lock(&shard->lock);
    before = shard->settled;
    remote_spool_state(shard->spool, &state);
    if (state.settled > before) /* it is not where the shard has been stopped */
        shard->settled = state.settled;
    shard->stuck = 0;
    bool awaited = shard->tips != NULL;
    uint64_t after = shard->settled;
    for (size_t i = 0; i < n; i++) {
        bool given = give_result(shard, &outcomes[i]);
        untold = untold || (outcomes[i].error != 0 && !given);
    }
    struct remote_sync_wait *done = remote_take_syncs(shard, state.settled);
    shard->sent = shard->sender->counts;
    if (failure == NULL)
        shard->failing = false;
    else
        note_error(shard, failure);
    /* Before the lock is left: who syncs now finds the position behind what was refused. */
    if (untold && failure != NULL)
        count_refused(shard, failure->code);
    (void)pthread_cond_broadcast(&shard->wake);
    (void)pthread_mutex_unlock(&shard->lock);
    remote_finish_syncs(done, 0);
    remote_free_room(r, after - before);
    if (awaited)
        remote_shard_post(shard);
    if (failure == NULL)
        remote_heard(r, NULL);
    else if (r->base.fault != NULL)
        r->base.fault(r->base.fault_arg, shard->stream->name, shard->index, failure);
}

/* Under lock. Said once until something succeeds. */
static void note_trouble(struct remote_shard *shard, const struct kfs_error *failure, const char *what)
{
    if (!shard->failing)
        kfs_log(KFS_LOG_WARNING, "stream %s, %s: %s fails and will be tried again: %s%s%s%s%s", shard->stream->name,
                shard->id, what, failure->text, failure->aws_code[0] != '\0' ? ", " : "", failure->aws_code,
                failure->request_id[0] != '\0' ? ", request " : "", failure->request_id);
    shard->failing = true;
    note_error(shard, failure);
}

static void on_send_trouble(void *arg, const struct kfs_error *failure)
{
    struct remote_shard *shard = arg;
    struct remote *r = shard->stream->remote;
    struct remote_sync_wait *done = NULL;
    struct kfs_error damage;
    int told = remote_verdict_of(failure) == REMOTE_UNPROVED ? -EACCES : 0;

    if (failure->code == EIO && remote_spool_check(shard->spool, &damage) == -EIO) {
        failure = &damage;
        told = -EIO;
    }
    if (told != -EIO)
        remote_heard(r, failure);
    (void)pthread_mutex_lock(&shard->lock);
    bool first = told != 0 && shard->stuck != told;
    shard->stuck = told;
    bool awaited = shard->tips != NULL;
    shard->failing = shard->failing || first; /* it is said below */
    note_trouble(shard, failure, "sending");
    shard->sent = shard->sender->counts;
    /* Whoever waits is told what only an operator can mend; the records stay. */
    if (told != 0)
        done = remote_take_syncs(shard, UINT64_MAX);
    (void)pthread_cond_broadcast(&shard->wake); /* perhaps the endpoint is known not to answer now */
    (void)pthread_mutex_unlock(&shard->lock);
    remote_finish_syncs(done, told);
    if (awaited)
        remote_shard_post(shard);
    if (first && r->base.fault != NULL)
        r->base.fault(r->base.fault_arg, shard->stream->name, shard->index, failure);
    if (remote_verdict_of(failure) == REMOTE_NO_STREAM)
        remote_keeper_hurry(shard->stream);
}

const struct remote_sender_events remote_shard_sender_events = {on_settled, on_send_trouble};

/* ---- what the poller tells ---- */

static void on_grew(void *arg)
{
    struct remote_shard *shard = arg;

    remote_stream_wake(shard->stream, shard->index, KFS_EVENT_GREW);
}

/* Under lock. Those whose request has been made are done. */
static void finish_tips(struct remote_shard *shard, uint64_t request, int result)
{
    for (struct remote_tip_wait *w = shard->tips; w != NULL; w = w->next) {
        if (w->done || !w->placed || w->request >= request)
            continue;
        w->done = true;
        w->result = result;
    }
    (void)pthread_cond_broadcast(&shard->wake);
}

static void on_tip(void *arg, uint64_t request)
{
    struct remote_shard *shard = arg;

    (void)pthread_mutex_lock(&shard->lock);
    shard->tip_ms = remote_mono(shard->stream->remote) + 1;
    shard->reached = shard->reached || !shard->ended;
    shard->failing = false;
    shard->polled = shard->poller->counts;
    finish_tips(shard, request, 0);
    (void)pthread_mutex_unlock(&shard->lock);
    remote_heard(shard->stream->remote, NULL);
}

static void on_ended(void *arg)
{
    struct remote_shard *shard = arg;

    (void)pthread_mutex_lock(&shard->lock);
    shard->ended = true;
    (void)pthread_cond_broadcast(&shard->wake);
    (void)pthread_mutex_unlock(&shard->lock);
    remote_shard_post(shard); /* whichever way it was read, the other one ends too */
    remote_stream_wake(shard->stream, KFS_NO_SHARD, KFS_EVENT_SHARDS);
    remote_keeper_hurry(shard->stream); /* its children */
}

static void on_poll_trouble(void *arg, const struct kfs_error *failure)
{
    struct remote_shard *shard = arg;
    enum remote_verdict verdict = remote_verdict_of(failure);
    bool final = verdict == REMOTE_DENIED || verdict == REMOTE_UNPROVED || remote_is_unreachable(failure);

    (void)pthread_mutex_lock(&shard->lock);
    note_trouble(shard, failure, "reading");
    shard->polled = shard->poller->counts;
    if (final)
        finish_tips(shard, UINT64_MAX, remote_is_unreachable(failure) ? 0 : -EACCES);
    (void)pthread_mutex_unlock(&shard->lock);
    remote_heard(shard->stream->remote, failure);
    if (verdict == REMOTE_NO_STREAM)
        remote_keeper_hurry(shard->stream);
}

/* ---- what the subscriber tells ---- */

static void on_heard(void *arg, bool grew)
{
    struct remote_shard *shard = arg;

    (void)pthread_mutex_lock(&shard->lock);
    shard->fanned = shard->subscriber->counts;
    shard->unsubscribed = false;
    bool first = !shard->subscribed;
    (void)pthread_mutex_unlock(&shard->lock);
    if (first)
        remote_shard_post(shard);
    if (grew && shard->poller != NULL)
        remote_poller_overtaken(shard->poller);
    if (grew)
        on_grew(shard);
    remote_heard(shard->stream->remote, NULL);
}

static void on_lapsed(void *arg)
{
    remote_shard_post(arg); /* the poller */
}

static void on_unsubscribed(void *arg, const struct kfs_error *failure)
{
    struct remote_shard *shard = arg;
    struct remote *r = shard->stream->remote;
    struct kfs_error told = *failure; /* cut to make room */

    (void)pthread_mutex_lock(&shard->lock);
    shard->fanned = shard->subscriber->counts;
    bool again = failure->code == EOPNOTSUPP ? atomic_exchange(&r->no_fanout, true) : shard->unsubscribed;
    shard->unsubscribed = true;
    note_error(shard, failure);
    (void)pthread_mutex_unlock(&shard->lock);
    (void)snprintf(told.text, sizeof told.text, "no subscription, records are polled: %.340s", failure->text);
    if (!again && r->base.fault != NULL)
        r->base.fault(r->base.fault_arg, shard->stream->name, shard->index, &told);
    if (remote_verdict_of(failure) == REMOTE_NO_STREAM)
        remote_keeper_hurry(shard->stream);
    remote_shard_post(shard); /* the poller, which finds out whether the endpoint answers at all */
}

const struct remote_subscriber_events remote_shard_subscriber_events = {on_heard, on_ended, on_lapsed, on_unsubscribed};

const struct remote_poller_events remote_shard_poller_events = {on_grew, on_tip, on_ended, on_poll_trouble};
