/* A shard: its logs and its machines. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/kinesis/internal.h"

#define GENERATIONS 16 /* of shards that may pass without anyone reading them */
#define MS_PER_HOUR UINT64_C(3600000)
#define VISIT_IDLES 60 /* a closed mirror is looked at after so many times what an idle one stays open: an hour */

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
    /* Spread by chance, so that thousands are not opened at once. */
    struct remote *r = stream->remote;
    shard->visit_ms = remote_mono(r) + r->world.random(r->world.ctx) % (VISIT_IDLES * r->options.log_idle_ms + 1);
    (void)snprintf(shard->id, sizeof shard->id, KFS_SHARD_ID_FORMAT, info->index);
    (void)pthread_mutex_init(&shard->lock, NULL);
    kfs_cond_init(&shard->wake);
    return shard;
}

static void free_sender(struct remote_shard *shard)
{
    if (shard->sender != NULL)
        remote_sender_release(shard->sender);
    free(shard->sender);
    shard->sender = NULL;
}

static void free_poller(struct remote_shard *shard)
{
    if (shard->poller != NULL)
        remote_poller_release(shard->poller);
    free(shard->poller);
    shard->poller = NULL;
}

static void free_subscriber(struct remote_shard *shard)
{
    if (shard->subscriber != NULL)
        remote_subscriber_release(shard->subscriber);
    free(shard->subscriber);
    shard->subscriber = NULL;
}

void remote_shard_free(struct remote_shard *shard)
{
    struct remote *r = shard->stream->remote;

    free_sender(shard);
    free_poller(shard);
    free_subscriber(shard);
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

int remote_shard_spool(struct remote_shard *shard, struct kfs_error *err)
{
    const struct kfs_kinesis_options *o = &shard->stream->remote->options;
    const struct remote_spool_config config = {.io = o->io, .clock = o->clock, .segment_bytes = o->segment_bytes};
    struct remote_spool_state state;

    shard->spool_used_ms = remote_mono(shard->stream->remote);
    if (shard->spool != NULL)
        return 0;
    int dir = kfs_io_make_dir(o->io, shard->stream->dir, shard->id);
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

    shard->used_ms = remote_mono(shard->stream->remote);
    if (shard->mirror != NULL)
        return 0;
    int dir = kfs_io_make_dir(o->io, shard->stream->dir, shard->id);
    if (dir < 0)
        return kfs_fail(err, -dir, "cannot make the directory of %s: %s", shard->id, strerror(-dir));
    int mirror = kfs_io_make_dir(o->io, dir, "mirror");
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

bool remote_shard_is_open(struct remote_shard *shard)
{
    (void)pthread_mutex_lock(&shard->lock);
    bool open = shard->spool != NULL || shard->mirror != NULL;
    (void)pthread_mutex_unlock(&shard->lock);
    return open;
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

static bool has_mirror(const struct remote_shard *shard)
{
    const struct kfs_io *io = shard->stream->remote->options.io;
    int dir = io->open(io->ctx, shard->stream->dir, shard->id, KFS_OPEN_DIR);

    if (dir < 0)
        return dir != -ENOENT;
    int mirror = io->open(io->ctx, dir, "mirror", KFS_OPEN_DIR);
    io->close(io->ctx, dir);
    if (mirror >= 0)
        io->close(io->ctx, mirror);
    return mirror != -ENOENT;
}

int remote_shard_extent(struct kfs_stream *s, uint32_t index, struct kfs_extent *extent, struct kfs_error *err)
{
    struct kfs_log_extent x = {.aggregates_from = UINT64_MAX};
    struct remote_spool_state state;
    struct remote_shard *shard;
    struct kfs_shard_info info;
    int rc = remote_shard_look((struct remote_stream *)s, index, &shard, &info, err);

    if (rc != 0)
        return rc;
    (void)pthread_mutex_lock(&shard->lock);
    /* A listing of thousands of shards that no one has read opens no log. */
    if (shard->mirror != NULL || has_mirror(shard))
        rc = remote_shard_mirror(shard, err);
    if (shard->mirror != NULL)
        kfs_log_extent(shard->mirror, &x);
    bool ended = shard->ended;
    state = shard->rested;
    if (shard->spool != NULL)
        remote_spool_state(shard->spool, &state);
    (void)pthread_mutex_unlock(&shard->lock);
    if (rc != 0)
        return rc;
    *extent = (struct kfs_extent){.start = x.horizon,
                                  .end = x.end,
                                  .first_record = x.first_record,
                                  .next_record = x.next_record,
                                  .last_arrival_ms = x.last_arrival_ms != 0 ? x.last_arrival_ms : info.created_ms,
                                  .last = kfs_seq_cmp(&state.last, &x.last) > 0 ? state.last : x.last,
                                  .closed = info.closed && ended,
                                  .aggregates_from = x.aggregates_from};
    return 0;
}

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
                                                .events = &remote_shard_sender_events,
                                                .arg = shard};

    shard->sender = calloc(1, sizeof *shard->sender);
    if (shard->sender == NULL) /* at the next occasion */
        return;
    remote_sender_init(shard->sender, &config);
    shard->sender->counts = shard->sent;
}

/* Whether it was read while it was open: by this mount, or by one that left records of it. */
static bool was_reached(struct remote_shard *shard)
{
    struct kfs_log_extent x = {0};

    (void)pthread_mutex_lock(&shard->lock);
    if (!shard->reached && has_mirror(shard) && remote_shard_mirror(shard, NULL) == 0) {
        kfs_log_extent(shard->mirror, &x);
        shard->reached = x.next_record > 0;
    }
    bool reached = shard->reached;
    (void)pthread_mutex_unlock(&shard->lock);
    return reached;
}

static bool has_reached_ancestor(const struct remote_shard *shard, int generations)
{
    for (size_t i = 0; generations > 0 && i < 2; i++)
        if (shard->parents[i] != NULL &&
            (was_reached(shard->parents[i]) || has_reached_ancestor(shard->parents[i], generations - 1)))
            return true;
    return false;
}

/* Where an empty mirror starts. A child of what has been read holds what comes next, and begins with its first record:
 * at the tip, what was put before anyone learnt of it would be lost. */
static bool starts_at_tip(struct remote_shard *shard)
{
    if (!shard->stream->remote->options.from_latest)
        return false;
    if (!has_reached_ancestor(shard, GENERATIONS))
        return true;
    (void)pthread_mutex_lock(&shard->lock);
    shard->reached = true; /* though it may be closed by now */
    (void)pthread_mutex_unlock(&shard->lock);
    return false;
}

static void start_poller(struct remote_shard *shard)
{
    struct remote *r = shard->stream->remote;
    const struct kfs_kinesis_options *o = &r->options;
    const struct remote_poller_config config = {.world = &r->world,
                                                .mirror = shard->mirror,
                                                .stream = shard->stream->name,
                                                .shard_id = shard->id,
                                                .from_latest = starts_at_tip(shard),
                                                .call_timeout_ms = o->call_timeout_ms,
                                                .busy_ms = o->poll_busy_ms,
                                                .idle_ms = o->poll_idle_ms,
                                                .events = &remote_shard_poller_events,
                                                .arg = shard};

    shard->poller = calloc(1, sizeof *shard->poller);
    if (shard->poller == NULL) /* at the next occasion */
        return;
    remote_poller_init(shard->poller, &config);
    shard->poller->counts = shard->polled;
}

static void start_subscriber(struct remote_shard *shard)
{
    struct remote *r = shard->stream->remote;
    const struct remote_subscriber_config config = {.world = &r->world,
                                                    .mirror = shard->mirror,
                                                    .consumer = &shard->stream->consumer,
                                                    .shard_id = shard->id,
                                                    .from_latest = starts_at_tip(shard),
                                                    .open = &r->subscriptions,
                                                    .events = &remote_shard_subscriber_events,
                                                    .arg = shard};

    shard->subscriber = calloc(1, sizeof *shard->subscriber);
    if (shard->subscriber == NULL) /* at the next occasion */
        return;
    remote_subscriber_init(shard->subscriber, &config);
    shard->subscriber->counts = shard->fanned;
}

/* Under lock. Whoever waits for the tip is told which request counts, once what he has written has been sent. True
 * where someone waits for a request. */
static bool place_tips(struct remote_shard *shard)
{
    bool waits = false;

    for (struct remote_tip_wait *w = shard->tips; w != NULL; w = w->next) {
        if (!w->placed && shard->settled < w->until && shard->stuck == 0)
            continue;
        if (!w->placed)
            w->request = shard->poller != NULL ? shard->poller->counts.requests : shard->polled.requests;
        w->placed = true;
        waits = waits || !w->done;
    }
    return waits;
}

/* Under lock. Whether someone reads on, not only waits for the tip. */
static bool is_attended(const struct remote_shard *shard)
{
    return shard->readers > 0 || atomic_load(&shard->stream->attended) > 0;
}

/* Under lock. Whether the endpoint is to be asked for records; waits: for the tip. */
static bool is_read(struct remote_shard *shard, bool waits)
{
    /* Where there can be no mirror whoever reads is told why. */
    return (is_attended(shard) || waits) && !shard->ended && !shard->expired && remote_shard_mirror(shard, NULL) == 0;
}

/* The poller rests while the subscriber is live, but for who waits for the tip. */
static void drive_readers(struct remote_shard *shard, bool read, bool attended, bool hurried)
{
    struct remote *r = shard->stream->remote;
    bool subscribe = read && attended && r->options.fanout != NULL && !atomic_load(&r->no_fanout);
    bool live = false;

    if (subscribe && shard->subscriber == NULL)
        start_subscriber(shard);
    if (shard->subscriber != NULL) {
        remote_subscriber_want(shard->subscriber, subscribe);
        live = shard->subscriber->live;
        (void)pthread_mutex_lock(&shard->lock);
        shard->subscribed = live;
        (void)pthread_mutex_unlock(&shard->lock);
    }
    if (read && shard->poller == NULL)
        start_poller(shard);
    if (shard->poller != NULL)
        remote_poller_want(shard->poller, read && (hurried || !live), hurried);
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
    bool waits = place_tips(shard);
    bool hurried = waits || shard->look;
    shard->look = false;
    bool attended = is_attended(shard);
    bool read = is_read(shard, waits);
    (void)pthread_mutex_unlock(&shard->lock);
    if (send && shard->sender == NULL)
        start_sender(shard);
    if (shard->sender != NULL)
        remote_sender_kick(shard->sender);
    drive_readers(shard, read, attended, hurried);
    if (hurry && shard->sender != NULL)
        remote_sender_retry(shard->sender);
    if (hurry && shard->poller != NULL)
        remote_poller_retry(shard->poller);
    if (hurry && shard->subscriber != NULL)
        remote_subscriber_retry(shard->subscriber);
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
    if (shard->sender != NULL)
        (void)remote_sender_stop(shard->sender);
    if (shard->poller != NULL)
        (void)remote_poller_stop(shard->poller);
    if (shard->subscriber != NULL)
        remote_subscriber_stop(shard->subscriber);
    (void)pthread_mutex_lock(&shard->lock);
    shard->stopped = true;
    struct remote_sync_wait *syncs = remote_take_syncs(shard, UINT64_MAX);
    struct remote_spool_state state = shard->rested;
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
    remote_finish_syncs(syncs, -ENOENT);
    remote_free_room(shard->stream->remote, left);
}

/* ---- every sync interval ---- */

static int trim_age(struct remote *r, struct kfs_log *mirror, uint32_t hours, bool durable, struct kfs_error *err)
{
    uint64_t kept_ms = (uint64_t)hours * MS_PER_HOUR;
    uint64_t now = remote_wall(r);

    return hours == 0 || now <= kept_ms ? 0 : kfs_log_trim_age(mirror, now - kept_ms, durable, err);
}

void remote_shard_expire(struct remote_shard *shard, uint32_t retention_hours)
{
    (void)pthread_mutex_lock(&shard->lock);
    if (has_mirror(shard) && remote_shard_mirror(shard, NULL) == 0)
        (void)trim_age(shard->stream->remote, shard->mirror, retention_hours, true, NULL);
    (void)pthread_mutex_unlock(&shard->lock);
}

/* Under lock. Whether no one has used the mirror for a while, or will any more. */
static bool is_idle(const struct remote_shard *shard)
{
    const struct remote *r = shard->stream->remote;

    return shard->mirror != NULL && shard->readers == 0 && shard->tips == NULL &&
           (shard->stopped || remote_mono(r) - shard->used_ms >= r->options.log_idle_ms);
}

/* Under lock. Whether no one has used the spool for a while, and it holds nothing; or no one will any more. */
static bool is_spool_idle(const struct remote_shard *shard)
{
    const struct remote *r = shard->stream->remote;
    struct remote_spool_state state;

    if (shard->spool == NULL || shard->spool_users > 0 || shard->results != NULL || shard->syncs != NULL)
        return false;
    if (shard->stopped)
        return true;
    if (remote_mono(r) - shard->spool_used_ms < r->options.log_idle_ms)
        return false;
    remote_spool_state(shard->spool, &state);
    return state.end == state.settled && state.dead == 0;
}

/* On the loop's thread, where the machines are, and under lock, so that no one opens the logs meanwhile. They have been
 * synced: closing does not take long. */
static void retire(void *arg)
{
    struct remote_shard *shard = arg;
    const struct remote_poller *poller = shard->poller;
    const struct remote_subscriber *subscriber = shard->subscriber;
    int rc = 0;

    (void)pthread_mutex_lock(&shard->lock);
    bool rests = poller == NULL || poller->state == REMOTE_POLL_STOPPED || poller->state == REMOTE_POLL_ENDED;
    rests = rests &&
            (subscriber == NULL || subscriber->state == REMOTE_SUB_STOPPED || subscriber->state == REMOTE_SUB_OVER);
    if (is_idle(shard) && rests) {
        free_poller(shard);
        free_subscriber(shard);
        rc = kfs_log_close(shard->mirror);
        shard->mirror = NULL;
        atomic_fetch_add(&shard->stream->remote->closed, 1);
    }
    bool sent = shard->sender == NULL || shard->sender->state == REMOTE_IDLE || shard->sender->state == REMOTE_STOPPED;
    if (is_spool_idle(shard) && sent) {
        remote_spool_state(shard->spool, &shard->rested);
        free_sender(shard);
        int closed = remote_spool_close(shard->spool);
        rc = rc == 0 ? closed : rc;
        shard->spool = NULL;
        atomic_fetch_add(&shard->stream->remote->closed, 1);
    }
    if (rc != 0)
        atomic_store(&shard->stream->remote->failed, true);
    (void)pthread_mutex_unlock(&shard->lock);
}

/* Under lock. Opens a closed mirror now and then, so that what is too old is removed of it. */
static void visit_mirror(struct remote_shard *shard)
{
    const struct remote *r = shard->stream->remote;
    uint64_t now = remote_mono(r);

    if (shard->mirror != NULL || shard->stopped || now < shard->visit_ms)
        return;
    shard->visit_ms = now + VISIT_IDLES * r->options.log_idle_ms;
    if (has_mirror(shard))
        (void)remote_shard_mirror(shard, NULL); /* one that cannot be opened is told to who reads it */
}

/* idle: it will be closed, and the horizon must be where it was when it is opened again. */
static int tidy_mirror(struct remote_shard *shard, struct kfs_log *mirror, uint32_t retention_hours, bool idle,
                       struct kfs_error *err)
{
    struct remote *r = shard->stream->remote;
    int rc = kfs_log_dirty(mirror) ? kfs_log_sync(mirror, err) : 0;

    if (rc == 0)
        rc = kfs_log_trim_size(mirror, r->options.mirror_max, err);
    return rc == 0 ? trim_age(r, mirror, retention_hours, idle, err) : rc;
}

void remote_shard_tidy(struct remote_shard *shard, uint32_t retention_hours)
{
    struct remote *r = shard->stream->remote;
    struct kfs_error err = {0};

    /* Both are closed by this thread only. */
    (void)pthread_mutex_lock(&shard->lock);
    visit_mirror(shard);
    struct kfs_log *mirror = shard->mirror;
    struct remote_spool *spool = shard->spool;
    bool idle = is_idle(shard) || is_spool_idle(shard);
    (void)pthread_mutex_unlock(&shard->lock);
    int rc = spool != NULL ? remote_spool_tidy(spool, &err) : 0;
    if (rc != 0)
        atomic_store(&r->failed, true);
    if (rc == 0 && mirror != NULL)
        rc = tidy_mirror(shard, mirror, retention_hours, idle, &err);
    if (rc == 0 && idle)
        kfs_loop_call(r->loop, retire, shard);
    if (rc != 0 && r->base.fault != NULL)
        r->base.fault(r->base.fault_arg, shard->stream->name, shard->index, &err);
}
