/* A shard: its logs, its machines, and who waits for them. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/logger.h"
#include "backend/kinesis/internal.h"
#include "backend/kinesis/verdict.h"

#define MS_PER_HOUR UINT64_C(3600000)

static void work(struct kfs_task *task);

struct remote_shard *remote_shard_new(struct remote_stream *stream, const struct kfs_shard_info *info)
{
    struct remote_shard *shard = calloc(1, sizeof *shard);

    if (shard == NULL)
        return NULL;
    shard->stream = stream;
    shard->index = info->index;
    shard->range = info->range;
    shard->info = *info;
    shard->task.run = work;
    (void)snprintf(shard->id, sizeof shard->id, KFS_SHARD_ID_FORMAT, info->index);
    (void)pthread_mutex_init(&shard->lock, NULL);
    remote_cond_init(&shard->wake);
    return shard;
}

void remote_shard_free(struct remote_shard *shard)
{
    struct remote *r = shard->stream->remote;

    if (shard->sends)
        remote_sender_release(&shard->sender);
    if (shard->polls)
        remote_poller_release(&shard->poller);
    int spooled = remote_spool_close(shard->spool);
    int mirrored = kfs_log_close(shard->mirror);
    if (spooled != 0 || mirrored != 0)
        atomic_store(&r->failed, true);
    (void)pthread_cond_destroy(&shard->wake);
    (void)pthread_mutex_destroy(&shard->lock);
    free(shard);
}

void remote_shard_post(struct remote_shard *shard)
{
    kfs_loop_post(shard->stream->remote->loop, &shard->task);
}

/* ---- logs ---- */

/* A directory below another, made where it is missing. A descriptor, or -errno. */
static int make_dir(const struct kfs_io *io, int parent, const char *name)
{
    int rc = io->mkdir(io->ctx, parent, name);

    if (rc == 0)
        rc = io->sync_dir(io->ctx, parent);
    if (rc != 0 && rc != -EEXIST)
        return rc;
    return io->open(io->ctx, parent, name, KFS_OPEN_DIR);
}

int remote_shard_spool(struct remote_shard *shard, struct kfs_error *err)
{
    const struct kfs_kinesis_options *o = &shard->stream->remote->options;
    const struct remote_spool_config config = {.io = o->io, .clock = o->clock, .segment_bytes = o->segment_bytes};
    struct remote_spool_state state;

    if (shard->spool != NULL)
        return 0;
    int dir = make_dir(o->io, shard->stream->dir, shard->id);
    if (dir < 0)
        return kfs_fail(err, -dir, "cannot make the directory of %s: %s", shard->id, strerror(-dir));
    int rc = remote_spool_open(&config, dir, &shard->spool, err);
    o->io->close(o->io->ctx, dir);
    if (rc != 0)
        return rc;
    remote_spool_state(shard->spool, &state);
    shard->settled = state.settled;
    remote_take_room(shard->stream->remote, state.end - state.settled);
    return 0;
}

int remote_shard_mirror(struct remote_shard *shard, struct kfs_error *err)
{
    const struct kfs_kinesis_options *o = &shard->stream->remote->options;
    const struct kfs_log_config config = {.io = o->io, .clock = o->clock, .segment_bytes = o->segment_bytes};

    if (shard->mirror != NULL)
        return 0;
    int dir = make_dir(o->io, shard->stream->dir, shard->id);
    if (dir < 0)
        return kfs_fail(err, -dir, "cannot make the directory of %s: %s", shard->id, strerror(-dir));
    int mirror = make_dir(o->io, dir, "mirror");
    o->io->close(o->io->ctx, dir);
    if (mirror < 0)
        return kfs_fail(err, -mirror, "cannot make the mirror of %s: %s", shard->id, strerror(-mirror));
    return kfs_log_open(&config, mirror, &shard->mirror, err);
}

int remote_shard_resume(struct remote_shard *shard, struct kfs_error *err)
{
    const struct kfs_io *io = shard->stream->remote->options.io;
    int dir = io->open(io->ctx, shard->stream->dir, shard->id, KFS_OPEN_DIR);

    if (dir < 0)
        return 0;
    int spool = io->open(io->ctx, dir, "spool", KFS_OPEN_DIR);
    io->close(io->ctx, dir);
    if (spool < 0)
        return 0;
    io->close(io->ctx, spool);
    (void)pthread_mutex_lock(&shard->lock);
    int rc = remote_shard_spool(shard, err);
    (void)pthread_mutex_unlock(&shard->lock);
    return rc;
}

void remote_shard_list_as(struct remote_shard *shard, bool listed)
{
    shard->listed = listed;
    (void)pthread_mutex_lock(&shard->lock);
    shard->expired = !listed;
    (void)pthread_mutex_unlock(&shard->lock);
}

bool remote_shard_holds(struct remote_shard *shard)
{
    struct remote_spool_state state = {0};

    (void)pthread_mutex_lock(&shard->lock);
    if (shard->spool != NULL)
        remote_spool_state(shard->spool, &state);
    (void)pthread_mutex_unlock(&shard->lock);
    return state.end > state.settled || state.dead > 0;
}

int remote_shard_extent(struct kfs_stream *s, uint32_t index, struct kfs_extent *extent, struct kfs_error *err)
{
    struct kfs_log_extent x = {0};
    struct remote_spool_state state;
    struct remote_shard *shard;
    struct kfs_shard_info info;
    int rc = remote_shard_find((struct remote_stream *)s, index, &shard, &info, err);

    if (rc != 0)
        return rc;
    (void)pthread_mutex_lock(&shard->lock);
    rc = remote_shard_mirror(shard, err);
    bool ended = shard->ended;
    struct remote_spool *spool = shard->spool;
    (void)pthread_mutex_unlock(&shard->lock);
    if (rc != 0)
        return rc;
    kfs_log_extent(shard->mirror, &x);
    *extent = (struct kfs_extent){.start = x.horizon,
                                  .end = x.end,
                                  .first_record = x.first_record,
                                  .next_record = x.next_record,
                                  .last_arrival_ms = x.last_arrival_ms != 0 ? x.last_arrival_ms : info.created_ms,
                                  .last = x.last,
                                  .closed = info.closed && ended};
    if (spool != NULL) {
        remote_spool_state(spool, &state);
        if (kfs_seq_cmp(&state.last, &x.last) > 0)
            extent->last = state.last;
    }
    return 0;
}

/* ---- what the sender tells ---- */

/* Under lock. The syncs that are done at a position, or with an error all that wait for `from` or beyond. */
static struct remote_sync_wait *take_syncs(struct remote_shard *shard, uint64_t settled, uint64_t from, int error)
{
    struct remote_sync_wait **at = &shard->syncs;
    struct remote_sync_wait *taken = NULL;

    while (*at != NULL) {
        struct remote_sync_wait *wait = *at;
        if (wait->until <= settled || (error != 0 && wait->until > from)) {
            *at = wait->next;
            wait->next = taken;
            taken = wait;
        } else {
            at = &wait->next;
        }
    }
    return taken;
}

static bool is_concerned(const struct remote_sync_wait *wait, uint64_t from, int error)
{
    return error != 0 && wait->until > from;
}

/* Whether an error will reach someone. On the loop's thread, where waiting is given up too. */
static bool reaches(const struct remote_sync_wait *list, uint64_t from, int error)
{
    for (; list != NULL; list = list->next)
        if (is_concerned(list, from, error) && !atomic_load(list->left))
            return true;
    return false;
}

/* Tells them: error those that wait for more than `from`. */
static void finish_syncs(struct remote_sync_wait *list, uint64_t from, int error)
{
    while (list != NULL) {
        struct remote_sync_wait *next = list->next;
        list->done(list, is_concerned(list, from, error) ? error : 0);
        list = next;
    }
}

void remote_shard_fail_syncs(struct remote_shard *shard)
{
    (void)pthread_mutex_lock(&shard->lock);
    struct remote_sync_wait *syncs = take_syncs(shard, 0, 0, -ETIMEDOUT);
    (void)pthread_mutex_unlock(&shard->lock);
    finish_syncs(syncs, 0, -ETIMEDOUT);
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
    r->pending += bytes;
    (void)pthread_mutex_unlock(&r->room_lock);
}

static void free_room(struct remote *r, uint64_t bytes)
{
    (void)pthread_mutex_lock(&r->room_lock);
    r->pending = r->pending > bytes ? r->pending - bytes : 0;
    (void)pthread_cond_broadcast(&r->room);
    (void)pthread_mutex_unlock(&r->room_lock);
}

/* Under lock. */
static void note_error(struct remote_shard *shard, const struct kfs_error *failure)
{
    shard->last_error = *failure;
    shard->last_error_ms = remote_wall(shard->stream->remote);
}

static void on_settled(void *arg, const struct remote_outcome *outcomes, size_t n, const struct kfs_error *failure)
{
    struct remote_shard *shard = arg;
    struct remote *r = shard->stream->remote;
    struct remote_spool_state state;
    uint64_t dead_from = UINT64_MAX;
    bool untold = false;
    uint64_t before;

    (void)pthread_mutex_lock(&shard->lock);
    before = shard->settled;
    remote_spool_state(shard->spool, &state);
    if (state.settled > before) /* it is not where the shard has been stopped */
        shard->settled = state.settled;
    uint64_t after = shard->settled;
    for (size_t i = 0; i < n; i++) {
        bool given = give_result(shard, &outcomes[i]);
        if (outcomes[i].error == 0)
            continue;
        if (dead_from == UINT64_MAX)
            dead_from = outcomes[i].offset;
        untold = untold || !given;
    }
    int error = failure != NULL ? -failure->code : 0;
    struct remote_sync_wait *done = take_syncs(shard, state.settled, dead_from, error);
    shard->sent = shard->sender.counts;
    if (failure == NULL)
        shard->failing = false;
    else
        note_error(shard, failure);
    /* Before the lock is left: who syncs now finds the position behind what was refused. */
    if (untold && !reaches(done, dead_from, error))
        shard->refused = error;
    (void)pthread_cond_broadcast(&shard->wake);
    (void)pthread_mutex_unlock(&shard->lock);
    finish_syncs(done, dead_from, error);
    free_room(r, after - before);
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
    struct remote_sync_wait *done = NULL;

    (void)pthread_mutex_lock(&shard->lock);
    note_trouble(shard, failure, "sending");
    shard->sent = shard->sender.counts;
    /* Whoever waits is told what only an operator can mend; the records stay. */
    if (remote_verdict_of(failure) == REMOTE_UNPROVED)
        done = take_syncs(shard, 0, 0, -EACCES);
    (void)pthread_mutex_unlock(&shard->lock);
    finish_syncs(done, 0, -EACCES);
    remote_heard(shard->stream->remote, failure);
    if (remote_verdict_of(failure) == REMOTE_NO_STREAM)
        remote_keeper_hurry(shard->stream);
}

static const struct remote_sender_events sender_events = {on_settled, on_send_trouble};

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
    shard->failing = false;
    shard->polled = shard->poller.counts;
    finish_tips(shard, request, 0);
    (void)pthread_mutex_unlock(&shard->lock);
    remote_heard(shard->stream->remote, NULL);
}

static void on_ended(void *arg)
{
    struct remote_shard *shard = arg;

    (void)pthread_mutex_lock(&shard->lock);
    shard->ended = true;
    (void)pthread_mutex_unlock(&shard->lock);
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
    shard->polled = shard->poller.counts;
    if (final)
        finish_tips(shard, UINT64_MAX, remote_is_unreachable(failure) ? 0 : -EACCES);
    (void)pthread_mutex_unlock(&shard->lock);
    remote_heard(shard->stream->remote, failure);
    if (verdict == REMOTE_NO_STREAM)
        remote_keeper_hurry(shard->stream);
}

static const struct remote_poller_events poller_events = {on_grew, on_tip, on_ended, on_poll_trouble};

/* ---- the machines ---- */

static void start_sender(struct remote_shard *shard)
{
    struct remote *r = shard->stream->remote;
    const struct kfs_kinesis_options *o = &r->options;
    const struct remote_sender_config config = {.world = &r->world,
                                                .spool = shard->spool,
                                                .stream = shard->stream->name,
                                                .shard_id = shard->id,
                                                .range = shard->range,
                                                .shard = shard->index,
                                                .linger_ms = o->linger_ms,
                                                .call_timeout_ms = o->call_timeout_ms,
                                                .strict = o->strict,
                                                .paced = o->paced,
                                                .events = &sender_events,
                                                .arg = shard};

    remote_sender_init(&shard->sender, &config);
    shard->sends = true;
}

static void start_poller(struct remote_shard *shard)
{
    struct remote *r = shard->stream->remote;
    const struct kfs_kinesis_options *o = &r->options;
    const struct remote_poller_config config = {.world = &r->world,
                                                .mirror = shard->mirror,
                                                .stream = shard->stream->name,
                                                .shard_id = shard->id,
                                                .from_latest = o->from_latest,
                                                .call_timeout_ms = o->call_timeout_ms,
                                                .busy_ms = o->poll_busy_ms,
                                                .idle_ms = o->poll_idle_ms,
                                                .events = &poller_events,
                                                .arg = shard};

    remote_poller_init(&shard->poller, &config);
    shard->polls = true;
}

/* Under lock. Whoever waits for the tip is told which request counts. True where someone waits. */
static bool place_tips(struct remote_shard *shard)
{
    bool waits = false;

    for (struct remote_tip_wait *w = shard->tips; w != NULL; w = w->next) {
        if (!w->placed)
            w->request = shard->polls ? shard->poller.counts.requests : 0;
        w->placed = true;
        waits = waits || !w->done;
    }
    return waits;
}

/* Under lock. Whether the endpoint is to be asked for records. */
static bool is_read(struct remote_shard *shard)
{
    bool attended = shard->readers > 0 || atomic_load(&shard->stream->attended) > 0;

    /* Where there can be no mirror whoever reads is told why. */
    return (attended || shard->tips != NULL) && !shard->expired && remote_shard_mirror(shard, NULL) == 0;
}

/* On the loop's thread: brings what changed to the machines. */
static void work(struct kfs_task *task)
{
    struct remote_shard *shard = (struct remote_shard *)((char *)task - offsetof(struct remote_shard, task));

    (void)pthread_mutex_lock(&shard->lock);
    if (shard->stopped) {
        (void)pthread_mutex_unlock(&shard->lock);
        return;
    }
    bool hurry = shard->hurry;
    shard->hurry = false;
    bool send = shard->spool != NULL;
    bool ended = shard->ended;
    bool hurried = place_tips(shard);
    bool poll = is_read(shard);
    (void)pthread_mutex_unlock(&shard->lock);
    if (send && !shard->sends)
        start_sender(shard);
    if (send)
        remote_sender_kick(&shard->sender);
    if (poll && !ended && !shard->polls)
        start_poller(shard);
    if (shard->polls)
        remote_poller_want(&shard->poller, poll, hurried);
    if (hurry && send)
        remote_sender_retry(&shard->sender);
    if (hurry && shard->polls)
        remote_poller_retry(&shard->poller);
}

void remote_shard_hurry(struct remote_shard *shard)
{
    (void)pthread_mutex_lock(&shard->lock);
    shard->hurry = true;
    (void)pthread_mutex_unlock(&shard->lock);
    remote_shard_post(shard);
}

void remote_shard_stop(struct remote_shard *shard)
{
    kfs_loop_unpost(shard->stream->remote->loop, &shard->task);
    if (shard->sends)
        (void)remote_sender_stop(&shard->sender);
    if (shard->polls)
        (void)remote_poller_stop(&shard->poller);
    (void)pthread_mutex_lock(&shard->lock);
    shard->stopped = true;
    struct remote_sync_wait *syncs = take_syncs(shard, UINT64_MAX, 0, -ENOENT);
    struct remote_spool_state state = {0};
    if (shard->spool != NULL)
        remote_spool_state(shard->spool, &state);
    uint64_t left = state.end - shard->settled;
    shard->settled = state.end;
    for (struct remote_tip_wait *w = shard->tips; w != NULL; w = w->next) {
        w->done = true;
        w->result = -ENOENT;
    }
    (void)pthread_cond_broadcast(&shard->wake);
    (void)pthread_mutex_unlock(&shard->lock);
    finish_syncs(syncs, 0, -ENOENT);
    free_room(shard->stream->remote, left);
}

/* ---- every sync interval ---- */

static int trim_age(struct remote *r, struct kfs_log *mirror, uint32_t hours, bool durable, struct kfs_error *err)
{
    uint64_t kept_ms = (uint64_t)hours * MS_PER_HOUR;
    uint64_t now = remote_wall(r);

    return hours == 0 || now <= kept_ms ? 0 : kfs_log_trim_age(mirror, now - kept_ms, durable, err);
}

static struct kfs_log *opened_mirror(struct remote_shard *shard)
{
    (void)pthread_mutex_lock(&shard->lock);
    struct kfs_log *mirror = shard->mirror;
    (void)pthread_mutex_unlock(&shard->lock);
    return mirror;
}

void remote_shard_expire(struct remote_shard *shard, uint32_t retention_hours)
{
    struct kfs_log *mirror = opened_mirror(shard);

    if (mirror != NULL)
        (void)trim_age(shard->stream->remote, mirror, retention_hours, true, NULL);
}

static int tidy_mirror(struct remote_shard *shard, struct kfs_log *mirror, uint32_t retention_hours,
                       struct kfs_error *err)
{
    struct remote *r = shard->stream->remote;
    int rc = kfs_log_dirty(mirror) ? kfs_log_sync(mirror, err) : 0;

    if (rc == 0)
        rc = kfs_log_trim_size(mirror, r->options.mirror_max, err);
    return rc == 0 ? trim_age(r, mirror, retention_hours, false, err) : rc;
}

void remote_shard_tidy(struct remote_shard *shard, uint32_t retention_hours)
{
    struct remote *r = shard->stream->remote;
    struct kfs_log *mirror = opened_mirror(shard);
    struct kfs_error err = {0};

    (void)pthread_mutex_lock(&shard->lock);
    struct remote_spool *spool = shard->spool;
    (void)pthread_mutex_unlock(&shard->lock);
    int rc = spool != NULL ? remote_spool_tidy(spool, &err) : 0;
    if (rc != 0)
        atomic_store(&r->failed, true);
    if (rc == 0 && mirror != NULL)
        rc = tidy_mirror(shard, mirror, retention_hours, &err);
    if (rc != 0 && r->base.fault != NULL)
        r->base.fault(r->base.fault_arg, shard->stream->name, shard->index, &err);
}
