/* Reading: from the mirror, which the poller fills while there are readers. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/patience.h"
#include "backend/kinesis/internal.h"

struct remote_reader {
    struct kfs_reader base;
    struct remote_shard *shard;
    struct kfs_log_reader *log;
};

/* ---- the tip ---- */

/* Under the shard's lock. */
static void end_wait(struct remote_shard *shard, const struct remote_tip_wait *wait)
{
    for (struct remote_tip_wait **at = &shard->tips; *at != NULL; at = &(*at)->next) {
        if (*at == wait) {
            *at = wait->next;
            break;
        }
    }
}

/* Has the poller look for the tip from now on; own: once what this mount has written there is acknowledged. 1: to be
 * finished by finish_wait; 0: there is nothing to wait for, or the caller does not wait, or the endpoint is known not
 * to answer. */
static int begin_wait(struct remote_shard *shard, bool own, struct remote_tip_wait *wait, struct kfs_error *err)
{
    bool down = atomic_load(&shard->stream->remote->down);
    struct remote_spool_state spool = {0};
    int asked = 0;

    (void)pthread_mutex_lock(&shard->lock);
    if (own && shard->spool != NULL)
        remote_spool_state(shard->spool, &spool);
    *wait = (struct remote_tip_wait){
        .until = spool.end, .settled = shard->settled, .moved_ms = remote_mono(shard->stream->remote)};
    int rc = remote_shard_mirror(shard, err);
    bool behind = rc == 0 && !shard->ended;
    shard->look = shard->look || (behind && down);
    if (behind && !down)
        asked = kfs_patience_ask();
    bool waits = behind && !down && asked == 0;
    if (waits) {
        wait->next = shard->tips;
        shard->tips = wait;
    }
    (void)pthread_mutex_unlock(&shard->lock);
    if (asked != 0 && asked != -EAGAIN) /* who does not wait has what is there */
        return kfs_fail(err, -asked, "interrupted while looking for the newest records of %s", shard->id);
    if (behind)
        remote_shard_post(shard);
    return waits ? 1 : rc;
}

static void wake_shard(void *arg)
{
    struct remote_shard *shard = arg;

    (void)pthread_mutex_lock(&shard->lock);
    (void)pthread_cond_broadcast(&shard->wake);
    (void)pthread_mutex_unlock(&shard->lock);
}

/* Under lock. What is in the spool is waited for only while it leaves: a call that is lost holds it up for long. How
 * long to sleep. */
static uint64_t sleep_ms(struct remote_shard *shard, struct remote_tip_wait *wait, uint64_t now, uint64_t until)
{
    if (wait->placed || wait->until == 0)
        return until - now;
    if (shard->settled != wait->settled) {
        wait->settled = shard->settled;
        wait->moved_ms = now;
    }
    uint64_t end = wait->moved_ms + REMOTE_LEAVING_WAIT_MS;
    if (now < end)
        return (end < until ? end : until) - now;
    wait->until = 0;
    remote_shard_post(shard);
    return until - now;
}

/* Waits for it, until a time. */
static int finish_wait(struct remote_shard *shard, struct remote_tip_wait *wait, uint64_t until, struct kfs_error *err)
{
    struct remote *r = shard->stream->remote;
    bool begun = kfs_patience_begin(wake_shard, shard) == 0;
    int rc = 0;

    (void)pthread_mutex_lock(&shard->lock);
    while (!wait->done && !shard->ended && !atomic_load(&r->down) && !kfs_patience_over()) {
        uint64_t now = remote_mono(r);
        if (now >= until) {
            shard->tip_ms = now + 1; /* who opened the file, and reads now, does not wait again */
            break;
        }
        (void)kfs_cond_wait(&shard->wake, &shard->lock, sleep_ms(shard, wait, now, until));
    }
    end_wait(shard, wait);
    if (wait->done && wait->result != 0)
        rc = wait->result == -ENOENT ? remote_fail_gone(shard->stream, err)
                                     : remote_fail_as_last(shard, -wait->result, err);
    else if (kfs_patience_over())
        rc = kfs_fail(err, EINTR, "interrupted while looking for the newest records of %s", shard->id);
    (void)pthread_mutex_unlock(&shard->lock);
    if (begun)
        kfs_patience_end();
    remote_shard_post(shard); /* it may stop polling */
    return rc;
}

/* When a caller has waited enough: the time counts from when his call came. */
static uint64_t tip_until(const struct remote *r)
{
    return kfs_patience_since(remote_mono(r)) + REMOTE_TIP_WAIT_MS;
}

static int catch_up_shard(struct remote_shard *shard, bool own, struct kfs_error *err)
{
    struct remote_tip_wait wait;
    int rc = begin_wait(shard, own, &wait, err);

    return rc <= 0 ? rc : finish_wait(shard, &wait, tip_until(shard->stream->remote), err);
}

/* All shards at once: each has begun before the first is waited for. */
static int catch_up_all(struct remote_shard **shards, size_t n, uint64_t until, struct kfs_error *err)
{
    struct waiting {
        struct remote_tip_wait wait;
        int begun;
    } *all = calloc(n + 1, sizeof *all);
    struct kfs_error later;
    int rc = 0;

    if (all == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        all[i].begun = begin_wait(shards[i], true, &all[i].wait, rc == 0 ? err : &later);
        rc = rc == 0 && all[i].begun < 0 ? all[i].begun : rc;
    }
    for (size_t i = 0; i < n; i++) {
        int failed = all[i].begun > 0 ? finish_wait(shards[i], &all[i].wait, until, rc == 0 ? err : &later) : 0;
        rc = rc == 0 ? failed : rc;
    }
    free(all);
    return rc;
}

/* The shards that are listed; to be freed. */
static struct remote_shard **listed_shards(struct remote_stream *stream, size_t *n)
{
    *n = 0;
    (void)pthread_rwlock_rdlock(&stream->lock);
    struct remote_shard **shards = calloc(stream->n_shards + 1, sizeof(struct remote_shard *));
    for (size_t i = 0; shards != NULL && i < stream->n_shards; i++)
        if (stream->shards[i]->listed)
            shards[(*n)++] = stream->shards[i];
    (void)pthread_rwlock_unlock(&stream->lock);
    return shards;
}

/* Whether a shard has ended that the catalogue takes for open: its children are not known, and have what came since. */
static bool lacks_children(struct remote_stream *stream)
{
    bool lacks = false;

    (void)pthread_rwlock_rdlock(&stream->lock);
    for (size_t i = 0; i < stream->n_shards && !lacks; i++) {
        struct remote_shard *shard = stream->shards[i];
        (void)pthread_mutex_lock(&shard->lock);
        lacks = shard->listed && shard->ended && !shard->info.closed;
        (void)pthread_mutex_unlock(&shard->lock);
    }
    (void)pthread_rwlock_unlock(&stream->lock);
    return lacks;
}

/* Whether shards are listed by now that were not caught up with: newer than those n. */
static bool has_newer(struct remote_stream *stream, struct remote_shard *const *shards, size_t n)
{
    (void)pthread_rwlock_rdlock(&stream->lock);
    size_t i = stream->n_shards;
    while (i > 0 && !stream->shards[i - 1]->listed)
        i--;
    bool newer = i > 0 && (n == 0 || shards[n - 1]->index < stream->shards[i - 1]->index);
    (void)pthread_rwlock_unlock(&stream->lock);
    return newer;
}

/* Waits until the keeper knows them; not where the caller does not wait, nor longer than the endpoint has time. */
static int wait_for_children(struct remote_stream *stream, uint64_t until, struct kfs_error *err)
{
    struct remote *r = stream->remote;
    bool waited = false;

    while (lacks_children(stream)) {
        int rc = kfs_patience_ask();
        if (rc != 0 && rc != -EAGAIN)
            return kfs_fail(err, -rc, "interrupted while looking for new shards of %s", stream->name);
        if (rc != 0 || atomic_load(&r->down) || remote_mono(r) >= until)
            return 0;
        if (!waited)
            remote_keeper_hurry(stream); /* again: it may have been refused */
        kfs_patience_sleep(REMOTE_PAUSE_MS);
        waited = true;
    }
    return 0;
}

int remote_catch_up(struct kfs_stream *s, uint32_t index, struct kfs_error *err)
{
    struct remote_stream *stream = (struct remote_stream *)s;
    uint64_t until = tip_until(stream->remote);
    struct remote_shard *shard;
    bool newer;
    size_t n;
    int rc;

    if (index != KFS_NO_SHARD) {
        rc = remote_shard_find(stream, index, &shard, NULL, err);
        return rc != 0 ? rc : catch_up_shard(shard, true, err);
    }
    do {
        struct remote_shard **shards = listed_shards(stream, &n);
        rc = atomic_load(&stream->gone) ? remote_fail_gone(stream, err)
             : shards == NULL           ? kfs_fail(err, ENOMEM, "out of memory")
                                        : catch_up_all(shards, n, until, err);
        if (rc == 0)
            rc = wait_for_children(stream, until, err);
        newer = rc == 0 && has_newer(stream, shards, n);
        free(shards);
    } while (newer);
    return rc;
}

/* ---- readers ---- */

static void attend_shard(struct remote_shard *shard, bool on)
{
    (void)pthread_mutex_lock(&shard->lock);
    shard->readers += on ? 1 : UINT32_MAX;
    shard->used_ms = remote_mono(shard->stream->remote);
    (void)pthread_mutex_unlock(&shard->lock);
    remote_shard_post(shard);
}

void remote_attend(struct kfs_stream *s, uint32_t index, bool on)
{
    struct remote_stream *stream = (struct remote_stream *)s;

    if (index == KFS_NO_SHARD)
        atomic_fetch_add(&stream->attended, on ? 1 : UINT_MAX);
    (void)pthread_rwlock_rdlock(&stream->lock);
    for (size_t i = 0; i < stream->n_shards; i++) {
        if (index == KFS_NO_SHARD)
            remote_shard_post(stream->shards[i]);
        else if (stream->shards[i]->index == index)
            attend_shard(stream->shards[i], on);
    }
    (void)pthread_rwlock_unlock(&stream->lock);
}

int remote_reader_open(struct kfs_stream *s, uint32_t index, struct kfs_reader **out, struct kfs_error *err)
{
    struct remote_reader *reader = calloc(1, sizeof *reader);
    struct remote_shard *shard = NULL;
    bool fresh = false;

    if (reader == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    int rc = remote_shard_look((struct remote_stream *)s, index, &shard, NULL, err);
    if (rc == 0) {
        struct remote *r = shard->stream->remote;
        (void)pthread_mutex_lock(&shard->lock);
        rc = remote_shard_mirror(shard, err);
        if (rc == 0)
            rc = kfs_log_reader_open(shard->mirror, &reader->log);
        if (rc == 0)
            shard->readers++;
        /* A tip as old as an idle poller's is as good as one that is asked for. */
        fresh = shard->tip_ms != 0 && remote_mono(r) + 1 - shard->tip_ms <= r->options.poll_idle_ms;
        (void)pthread_mutex_unlock(&shard->lock);
    }
    if (rc != 0) {
        free(reader);
        return err != NULL && err->code != 0 ? rc : kfs_fail(err, -rc, "cannot open the mirror: %s", strerror(-rc));
    }
    reader->base = (struct kfs_reader){.stream = s, .shard = index};
    reader->shard = shard;
    remote_shard_post(shard);
    if (!fresh)
        rc = catch_up_shard(shard, false, err);
    if (rc != 0) {
        remote_reader_close(&reader->base);
        return rc;
    }
    *out = &reader->base;
    return 0;
}

void remote_reader_close(struct kfs_reader *r)
{
    struct remote_reader *reader = (struct remote_reader *)r;
    struct remote_shard *shard = reader->shard;

    kfs_log_reader_close(reader->log);
    attend_shard(shard, false);
    free(reader);
}

int remote_locate(struct kfs_reader *r, const struct kfs_position *position, uint64_t *offset, struct kfs_error *err)
{
    struct remote_reader *reader = (struct remote_reader *)r;
    int rc = remote_stream_check(reader->shard->stream, err);

    return rc != 0 ? rc : kfs_log_locate(reader->log, position, offset, err);
}

int remote_read(struct kfs_reader *r, uint64_t offset, const struct kfs_limit *limit, struct kfs_batch *batch,
                struct kfs_error *err)
{
    struct remote_reader *reader = (struct remote_reader *)r;
    int rc = remote_stream_check(reader->shard->stream, err);

    return rc != 0 ? rc : kfs_log_read(reader->log, offset, limit, batch, err);
}

ssize_t remote_read_bytes(struct kfs_reader *r, uint64_t offset, void *data, size_t len, struct kfs_error *err)
{
    struct remote_reader *reader = (struct remote_reader *)r;
    int rc = remote_stream_check(reader->shard->stream, err);

    return rc != 0 ? rc : kfs_log_read_bytes(reader->log, offset, data, len, err);
}

int remote_read_stored(struct kfs_reader *r, uint64_t offset, struct kfs_stored *stored, struct kfs_error *err)
{
    struct remote_reader *reader = (struct remote_reader *)r;
    int rc = remote_stream_check(reader->shard->stream, err);

    return rc != 0 ? rc : kfs_log_read_stored(reader->log, offset, stored, err);
}
