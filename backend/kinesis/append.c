/* Records on their way into the spools. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/patience.h"
#include "backend/kinesis/internal.h"

/* Some records of a call, all for one shard. */
struct group {
    struct remote_shard *shard;
    struct kfs_put *puts;            /* freed with the call */
    struct kfs_put_result **results; /* where they are told; NULL where no one asks */
    uint64_t *offsets;               /* in the spool */
    size_t n;
    struct remote_result_wait wait;
    bool waits;
    int failed; /* why nothing of it is in the spool */
};

struct appending {
    struct remote_stream *stream;
    struct group *groups; /* by shard; those with n 0 are not used */
    size_t n_groups;
    struct kfs_put *puts; /* the groups' arrays */
    struct kfs_put_result **results;
    uint64_t *offsets;
};

/* ---- room ---- */

static void wake_room(void *arg)
{
    remote_free_room(arg, 0);
}

/* Takes so many bytes, once they fit: until a time at most. */
static bool take_until(struct remote *r, uint64_t bytes, uint64_t until)
{
    bool fits;

    (void)pthread_mutex_lock(&r->room_lock);
    while (!(fits = kfs_patience_forced() || r->pending <= 0 || (uint64_t)r->pending + bytes <= r->options.spool_max)) {
        uint64_t now = remote_mono(r);
        if (now >= until || kfs_patience_over())
            break;
        (void)kfs_cond_wait(&r->room, &r->room_lock, until - now);
    }
    if (fits)
        r->pending += (int64_t)bytes;
    (void)pthread_mutex_unlock(&r->room_lock);
    return fits;
}

/* Waits until so many bytes fit; they are then taken. -ENOSPC. */
static int take_room(struct remote *r, uint64_t bytes, struct kfs_error *err)
{
    if (take_until(r, bytes, 0))
        return 0;
    int rc = kfs_patience_begin(wake_room, r);
    bool taken = rc == 0 && take_until(r, bytes, kfs_patience_since(remote_mono(r)) + r->options.spool_wait_ms);
    if (rc == 0)
        kfs_patience_end();
    if (taken)
        return 0;
    if (rc == -EINPROGRESS || kfs_patience_over())
        return kfs_fail(err, rc != 0 ? -rc : EINTR, "the wait for room in the spool was interrupted");
    return kfs_fail(err, ENOSPC, "the spool is full: %llu bytes and more wait for the endpoint; see spool_max",
                    (unsigned long long)r->options.spool_max);
}

/* ---- one shard ---- */

/* most: the stream's limit of data. No request takes more than 10 MiB of data and key. */
static int check_sizes(const struct group *g, uint32_t most, struct kfs_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < g->n; i++) {
        size_t key_len = g->puts[i].key.len > 0 ? g->puts[i].key.len : strlen(g->shard->id);
        if (g->puts[i].data.len <= most && g->puts[i].data.len + key_len <= KFS_RECORD_BYTES_MAX)
            continue;
        if (rc == 0 && g->puts[i].data.len > most)
            rc = kfs_fail_aws(err, EMSGSIZE, "ValidationException",
                              "a record of %zu bytes is over the limit of stream %s, %u bytes", g->puts[i].data.len,
                              g->shard->stream->name, most);
        else if (rc == 0)
            rc = kfs_fail_aws(err, EMSGSIZE, "ValidationException",
                              "a record of %zu bytes with a partition key of %zu is over the %u bytes that an endpoint "
                              "takes of both",
                              g->puts[i].data.len, key_len, KFS_RECORD_BYTES_MAX);
        if (g->results != NULL)
            g->results[i]->error = rc;
    }
    for (size_t i = 0; rc != 0 && g->results != NULL && i < g->n; i++)
        if (g->results[i]->error == 0)
            g->results[i]->error = -ECANCELED;
    return rc;
}

/* What it takes of the spool. */
static uint64_t bytes_of(const struct group *g)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < g->n; i++)
        bytes += g->puts[i].data.len + 1;
    return bytes;
}

/* Its room has been taken, and is given back where it fails. */
static int spool_group(struct group *g, struct kfs_error *err)
{
    struct remote_shard *shard = g->shard;
    uint64_t offset;

    (void)pthread_mutex_lock(&shard->lock);
    int rc = shard->stopped ? remote_fail_gone(shard->stream, err) : remote_shard_spool(shard, err);
    if (rc == 0)
        rc = remote_spool_append(shard->spool, g->puts, g->n, &offset, err);
    if (rc == 0 && g->results != NULL) {
        for (size_t i = 0; i < g->n; i++) {
            g->offsets[i] = offset;
            offset += g->puts[i].data.len + 1;
        }
        g->wait = (struct remote_result_wait){
            .next = shard->results, .offsets = g->offsets, .results = g->results, .n = g->n, .left = g->n};
        shard->results = &g->wait;
        g->waits = true;
    }
    (void)pthread_mutex_unlock(&shard->lock);
    if (rc != 0)
        remote_free_room(shard->stream->remote, bytes_of(g));
    else
        remote_shard_post(shard);
    return rc;
}

/* ---- results ---- */

static void end_wait(struct remote_shard *shard, const struct remote_result_wait *wait)
{
    for (struct remote_result_wait **at = &shard->results; *at != NULL; at = &(*at)->next) {
        if (*at == wait) {
            *at = wait->next;
            break;
        }
    }
}

/* Waits until every record of the group is settled. The first failure, or -ETIMEDOUT. */
static int await_results(struct group *g, uint64_t until, struct kfs_error *err)
{
    struct remote_shard *shard = g->shard;
    struct remote *r = shard->stream->remote;
    int rc = 0;

    (void)pthread_mutex_lock(&shard->lock);
    while (g->wait.left > 0 && !shard->stream->gone) {
        uint64_t now = remote_mono(r);
        if (now >= until)
            break;
        (void)kfs_cond_wait(&shard->wake, &shard->lock, until - now);
    }
    end_wait(shard, &g->wait);
    if (g->wait.left > 0 && shard->stream->gone)
        rc = remote_fail_gone(shard->stream, err);
    else if (g->wait.left > 0)
        rc = shard->last_error.code != 0 && shard->failing
                 ? remote_fail_as_last(shard, shard->last_error.code, err)
                 : kfs_fail(err, ETIMEDOUT, "the endpoint has not acknowledged in time; the records stay in the spool");
    for (size_t i = 0; rc == 0 && i < g->n; i++)
        if (g->results[i]->error != 0)
            rc = kfs_fail_aws(err, -g->results[i]->error, shard->last_error.aws_code,
                              "the endpoint refused a record; it is kept as a dead letter of %s", shard->id);
    (void)pthread_mutex_unlock(&shard->lock);
    return rc;
}

/* ---- many shards ---- */

static void release(struct appending *a)
{
    free(a->groups);
    free(a->puts);
    free(a->results);
    free(a->offsets);
}

static int prepare(struct appending *a, size_t n_groups, size_t n, bool asked, struct kfs_error *err)
{
    a->groups = calloc(n_groups, sizeof *a->groups);
    a->puts = calloc(n, sizeof *a->puts);
    a->results = asked ? calloc(n, sizeof(struct kfs_put_result *)) : NULL;
    a->offsets = asked ? calloc(n, sizeof *a->offsets) : NULL;
    a->n_groups = n_groups;
    if (a->groups == NULL || a->puts == NULL || (asked && (a->results == NULL || a->offsets == NULL)))
        return kfs_fail(err, ENOMEM, "out of memory");
    return 0;
}

/* The open shard that owns a hash, by the stream's lock; n_shards where none does. */
static size_t route(const struct remote_stream *stream, const struct kfs_put *put)
{
    kfs_hash hash = put->explicit_hash != NULL ? *put->explicit_hash : kfs_hash_of_key(put->key.data, put->key.len);

    for (size_t i = 0; i < stream->n_shards; i++) {
        const struct remote_shard *shard = stream->shards[i];
        if (shard->listed && !shard->info.closed && kfs_hash_in(&shard->info.range, hash))
            return i;
    }
    return stream->n_shards;
}

/* Shares the records out to groups, one a shard, in their order. Under the stream's lock. */
static int share_out(struct appending *a, const struct kfs_put *puts, size_t n, struct kfs_put_result *results,
                     struct kfs_error *err)
{
    struct remote_stream *stream = a->stream;
    size_t *targets = calloc(n, sizeof *targets);
    size_t base = 0;

    if (targets == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        targets[i] = route(stream, &puts[i]);
        if (targets[i] == stream->n_shards) {
            free(targets);
            return kfs_fail(err, EAGAIN, "no open shard of stream %s is known to own a hash key; try again",
                            stream->name);
        }
        a->groups[targets[i]].n++;
    }
    for (size_t i = 0; i < a->n_groups; i++) {
        struct group *g = &a->groups[i];
        g->shard = stream->shards[i];
        g->puts = a->puts + base;
        g->results = a->results != NULL ? a->results + base : NULL;
        g->offsets = a->offsets != NULL ? a->offsets + base : NULL;
        base += g->n;
        g->n = 0;
    }
    for (size_t i = 0; i < n; i++) {
        struct group *g = &a->groups[targets[i]];
        g->puts[g->n] = puts[i];
        if (g->results != NULL) {
            g->results[g->n] = &results[i];
            results[i].shard = g->shard->index;
        }
        g->n++;
    }
    free(targets);
    return 0;
}

static int one_group(struct appending *a, struct remote_shard *shard, const struct kfs_put *puts, size_t n,
                     struct kfs_put_result *results)
{
    struct group *g = &a->groups[0];

    *g = (struct group){.shard = shard, .puts = a->puts, .results = a->results, .offsets = a->offsets, .n = n};
    memcpy(a->puts, puts, n * sizeof *puts);
    for (size_t i = 0; results != NULL && i < n; i++)
        g->results[i] = &results[i];
    return 0;
}

/* Under the stream's lock. */
static int find_groups(struct appending *a, uint32_t index, const struct kfs_put *puts, size_t n,
                       struct kfs_put_result *results, struct kfs_error *err)
{
    struct remote_stream *stream = a->stream;

    if (stream->gone)
        return remote_fail_gone(stream, err);
    if (index == KFS_NO_SHARD) {
        int rc = prepare(a, stream->n_shards + 1, n, results != NULL, err);
        a->n_groups = stream->n_shards;
        return rc != 0 ? rc : share_out(a, puts, n, results, err);
    }
    for (size_t i = 0; i < stream->n_shards; i++) {
        struct remote_shard *shard = stream->shards[i];
        if (shard->index != index || !shard->listed)
            continue;
        if (shard->info.closed)
            return -EROFS;
        int rc = prepare(a, 1, n, results != NULL, err);
        return rc != 0 ? rc : one_group(a, shard, puts, n, results);
    }
    return kfs_fail_aws(err, ENOENT, "ResourceNotFoundException",
                        "Could not find shard " KFS_SHARD_ID_FORMAT " in stream %s.", index, stream->name);
}

static int fail_closed(struct remote_stream *stream, uint32_t index, struct kfs_error *err)
{
    struct kfs_shard_info *shards;
    size_t n;
    int rc = remote_shard_list(&stream->base, &shards, &n, err);

    if (rc == 0) {
        rc = kfs_topology_fail_closed(shards, n, index, err);
        free(shards);
    }
    return rc;
}

/* Room for all groups that have a fault of their own not. Where there is none, nothing is in a spool yet, so that the
 * call can be made again. */
static int take_all_room(struct appending *a, uint32_t most, struct kfs_error *err)
{
    uint64_t bytes = 0;
    int rc = 0;

    for (size_t i = 0; i < a->n_groups; i++) {
        struct group *g = &a->groups[i];
        if (g->n == 0 || g->puts == NULL)
            continue;
        struct kfs_error later;
        g->failed = check_sizes(g, most, rc == 0 ? err : &later);
        rc = rc == 0 ? g->failed : rc;
        bytes += g->failed == 0 ? bytes_of(g) : 0;
    }
    if (bytes == 0)
        return rc;
    int full = take_room(a->stream->remote, bytes, err);
    for (size_t i = 0; full != 0 && i < a->n_groups; i++)
        if (a->groups[i].failed == 0)
            a->groups[i].failed = full;
    return full != 0 ? full : rc;
}

/* Each group where it goes; a group that fails does not keep the others from it. The first failure. */
static int spool_all(struct appending *a, uint32_t most, struct kfs_error *err)
{
    struct kfs_error later;
    int rc = take_all_room(a, most, err);

    for (size_t i = 0; i < a->n_groups; i++) {
        struct group *g = &a->groups[i];
        if (g->n == 0 || g->puts == NULL)
            continue;
        if (g->failed == 0) {
            g->failed = spool_group(g, rc == 0 ? err : &later);
            rc = rc == 0 ? g->failed : rc;
        }
        for (size_t j = 0; g->failed != 0 && g->results != NULL && j < g->n; j++)
            if (g->results[j]->error == 0)
                g->results[j]->error = g->failed;
    }
    return rc;
}

int remote_append(struct kfs_stream *s, uint32_t index, const struct kfs_put *puts, size_t n,
                  struct kfs_put_result *results, struct kfs_error *err)
{
    struct appending a = {.stream = (struct remote_stream *)s};
    struct kfs_error later;

    (void)pthread_rwlock_rdlock(&a.stream->lock);
    int rc = find_groups(&a, index, puts, n, results, err);
    uint32_t most = a.stream->facts.max_record_bytes;
    (void)pthread_rwlock_unlock(&a.stream->lock);
    if (rc == -EROFS)
        rc = fail_closed(a.stream, index, err);
    if (rc != 0) {
        release(&a);
        return rc;
    }
    rc = spool_all(&a, most, err);
    uint64_t until = remote_mono(a.stream->remote) + REMOTE_RESULT_WAIT_MS;
    for (size_t i = 0; i < a.n_groups; i++) {
        int failed = a.groups[i].waits ? await_results(&a.groups[i], until, rc == 0 ? err : &later) : 0;
        rc = rc == 0 ? failed : rc;
    }
    release(&a);
    return rc;
}
