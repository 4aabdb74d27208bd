/* A stream: what is known of it, its shards, and who watches it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/logger.h"
#include "backend/base/patience.h"
#include "backend/kinesis/internal.h"

struct remote_stream *remote_stream_new(struct remote *r, const char *name, uint64_t generation, int dir)
{
    struct remote_stream *stream = calloc(1, sizeof *stream);

    if (stream == NULL)
        return NULL;
    stream->base.backend = &r->base;
    stream->remote = r;
    (void)snprintf(stream->name, sizeof stream->name, "%s", name);
    stream->generation = generation;
    stream->dir = dir;
    (void)pthread_rwlock_init(&stream->lock, NULL);
    (void)pthread_mutex_init(&stream->tags_lock, NULL);
    kfs_buf_init(&stream->tags, REMOTE_TAGS_BYTES_MAX);
    (void)pthread_mutex_init(&stream->watch_lock, NULL);
    return stream;
}

void remote_stream_free(struct remote_stream *stream)
{
    for (size_t i = 0; i < stream->n_shards; i++)
        remote_shard_free(stream->shards[i]);
    free(stream->shards);
    remote_consumer_release(&stream->consumer);
    if (stream->dir >= 0)
        stream->remote->options.io->close(stream->remote->options.io->ctx, stream->dir);
    (void)pthread_rwlock_destroy(&stream->lock);
    kfs_buf_release(&stream->tags);
    (void)pthread_mutex_destroy(&stream->tags_lock);
    (void)pthread_mutex_destroy(&stream->watch_lock);
    free(stream);
}

int remote_fail_gone(const struct remote_stream *stream, struct kfs_error *err)
{
    return kfs_fail_aws(err, ENOENT, "ResourceNotFoundException", "Stream %s not found.", stream->name);
}

/* ---- what the endpoint says ---- */

/* Index of a shard, or where it would be inserted. */
static size_t place_of(const struct remote_stream *stream, uint32_t index, bool *found)
{
    size_t low = 0;
    size_t high = stream->n_shards;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint32_t at = stream->shards[middle]->index;
        if (at == index) {
            *found = true;
            return middle;
        }
        if (at < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct remote_shard *shard_at(const struct remote_stream *stream, uint32_t index)
{
    bool found;
    size_t at = place_of(stream, index, &found);

    return found ? stream->shards[at] : NULL;
}

/* What an earlier mount left in its spool leaves now. Parents have lower numbers, so they are here. */
static int insert_shard(struct remote_stream *stream, const struct kfs_shard_info *info, size_t at)
{
    struct kfs_error err = {0};
    struct remote_shard **shards = realloc(stream->shards, (stream->n_shards + 1) * sizeof(struct remote_shard *));

    if (shards == NULL)
        return -ENOMEM;
    stream->shards = shards;
    struct remote_shard *shard = remote_shard_new(stream, info);
    if (shard == NULL)
        return -ENOMEM;
    memmove(shards + at + 1, shards + at, (stream->n_shards - at) * sizeof(struct remote_shard *));
    shards[at] = shard;
    stream->n_shards++;
    shard->listed = true;
    shard->parents[0] = shard_at(stream, info->parent);
    shard->parents[1] = shard_at(stream, info->adjacent_parent);
    if (remote_shard_resume(shard, &err) != 0)
        kfs_log(KFS_LOG_ERROR, "stream %s, %s: %s", stream->name, shard->id, err.text);
    return 0;
}

/* When a shard was created: as its parent closed, or with the stream. What its numbers say is some seconds off. Parents
 * are there before their children. */
static uint64_t creation_of(const struct remote_stream *stream, const struct kfs_shard_info *info)
{
    bool found;

    if (info->parent == KFS_NO_SHARD)
        return stream->facts.created_ms;
    size_t at = place_of(stream, info->parent, &found);
    if (found && stream->shards[at]->info.closed)
        return stream->shards[at]->info.closed_ms;
    return info->created_ms != 0 ? info->created_ms : stream->facts.created_ms;
}

/* What the endpoint does not tell, or no longer: times, and parents that have expired. */
static void complete_info(const struct remote_stream *stream, struct kfs_shard_info *info,
                          const struct kfs_shard_info *known)
{
    if (known == NULL) {
        info->created_ms = creation_of(stream, info);
    } else {
        info->created_ms = known->created_ms;
        if (info->parent == KFS_NO_SHARD) {
            info->parent = known->parent;
            info->adjacent_parent = known->adjacent_parent;
        }
        if (known->closed)
            info->closed_ms = known->closed_ms;
    }
    if (info->closed && info->closed_ms == 0)
        info->closed_ms = remote_wall(stream->remote);
    if (info->closed && info->closed_ms < info->created_ms)
        info->closed_ms = info->created_ms;
}

/* Under lock. *changed where there is something to tell. */
static int apply_shards(struct remote_stream *stream, const struct remote_facts *facts, bool *changed)
{
    size_t next = 0; /* of facts: both are by index */

    for (size_t i = 0; i < stream->n_shards; i++) {
        while (next < facts->n && facts->shards[next].index < stream->shards[i]->index)
            next++;
        remote_shard_list_as(stream->shards[i],
                             next < facts->n && facts->shards[next].index == stream->shards[i]->index);
    }
    for (size_t i = 0; i < facts->n; i++) {
        struct kfs_shard_info info = facts->shards[i];
        bool found;
        size_t at = place_of(stream, info.index, &found);
        complete_info(stream, &info, found ? &stream->shards[at]->info : NULL);
        if (!found) {
            int rc = insert_shard(stream, &info, at);
            if (rc != 0)
                return rc;
            *changed = true;
        }
        *changed = *changed || stream->shards[at]->info.closed != info.closed;
        stream->shards[at]->info = info;
    }
    return 0;
}

/* Under lock. */
static int apply(struct remote_stream *stream, const struct remote_facts *facts, bool *changed, struct kfs_error *err)
{
    struct remote_facts *mine = &stream->facts;
    struct remote *r = stream->remote;

    if (stream->consumer.world == NULL)
        remote_consumer_init(&stream->consumer, &r->world, r->options.fanout, facts->arn, r->options.call_timeout_ms);
    *changed = mine->status != facts->status || mine->retention_hours != facts->retention_hours ||
               mine->max_record_bytes != facts->max_record_bytes;
    for (size_t i = 0; facts->retention_hours > mine->retention_hours && i < stream->n_shards; i++)
        remote_shard_expire(stream->shards[i], mine->retention_hours);
    *mine = *facts;
    mine->shards = NULL;
    mine->n = 0;
    /* While it is made or deleted the endpoint tells no shards. */
    if ((facts->status == KFS_ACTIVE || facts->status == KFS_UPDATING) && apply_shards(stream, facts, changed) != 0)
        return kfs_fail(err, ENOMEM, "out of memory");
    return 0;
}

int remote_stream_apply(struct remote_stream *stream, const struct remote_facts *facts, bool save,
                        struct kfs_error *err)
{
    bool changed = false;
    int rc = 0;

    (void)pthread_rwlock_wrlock(&stream->lock);
    if (stream->gone)
        rc = remote_fail_gone(stream, err);
    else if (facts->asked >= stream->facts.asked) /* else what is known is newer */
        rc = apply(stream, facts, &changed, err);
    stream->unsaved = stream->unsaved || changed;
    if (rc == 0 && stream->unsaved && save) {
        rc = remote_manifest_save(stream, err);
        stream->unsaved = rc != 0;
    }
    for (size_t i = 0; changed && i < stream->n_shards; i++)
        remote_shard_post(stream->shards[i]);
    (void)pthread_rwlock_unlock(&stream->lock);
    if (changed)
        remote_stream_wake(stream, KFS_NO_SHARD, KFS_EVENT_SHARDS);
    return rc;
}

int remote_stream_learn(struct remote_stream *stream, const struct remote_facts *facts, struct kfs_error *err)
{
    (void)pthread_rwlock_rdlock(&stream->lock);
    uint64_t known = stream->facts.created_ms;
    (void)pthread_rwlock_unlock(&stream->lock);
    /* Not every endpoint says when. */
    if (known == 0 || facts->created_ms == 0 || facts->created_ms == known)
        return remote_stream_apply(stream, facts, true, err);
    remote_forget(stream);
    return remote_fail_gone(stream, err);
}

int remote_stream_refresh(struct remote_stream *stream, struct kfs_error *err)
{
    struct remote_facts facts;
    struct kfs_error detail = {0};

    int rc = remote_fetch_facts(stream->remote, stream->name, &facts, &detail);
    if (rc == 0) {
        rc = remote_stream_learn(stream, &facts, &detail);
        remote_facts_release(&facts);
    } else if (rc == -ENOENT) {
        remote_forget(stream);
    }
    if (rc != 0 && err != NULL)
        *err = detail;
    return rc;
}

void remote_stream_stop(struct remote_stream *stream)
{
    for (size_t i = 0; i < stream->n_shards; i++)
        remote_shard_stop(stream->shards[i]);
    remote_consumer_stop(&stream->consumer);
}

/* ---- being asked ---- */

int remote_stream_info(struct kfs_stream *s, struct kfs_stream_info *info, struct kfs_error *err)
{
    struct remote_stream *stream = (struct remote_stream *)s;
    int rc = 0;

    (void)pthread_rwlock_rdlock(&stream->lock);
    const struct remote_facts *f = &stream->facts;
    if (stream->gone) {
        rc = remote_fail_gone(stream, err);
    } else {
        *info = (struct kfs_stream_info){.status = f->status,
                                         .retention_hours = f->retention_hours,
                                         .max_record_bytes = f->max_record_bytes,
                                         .created_ms = f->created_ms,
                                         .generation = stream->generation};
        (void)snprintf(info->name, sizeof info->name, "%s", stream->name);
        (void)snprintf(info->arn, sizeof info->arn, "%s", f->arn);
        for (size_t i = 0; i < stream->n_shards; i++)
            info->open_shards += stream->shards[i]->listed && !stream->shards[i]->info.closed ? 1 : 0;
        if (info->open_shards == 0)
            info->status = KFS_CREATING;
    }
    (void)pthread_rwlock_unlock(&stream->lock);
    return rc;
}

int remote_shard_list(struct kfs_stream *s, struct kfs_shard_info **shards, size_t *n, struct kfs_error *err)
{
    struct remote_stream *stream = (struct remote_stream *)s;
    struct kfs_shard_info *list = NULL;
    size_t count = 0;
    int rc = 0;

    (void)pthread_rwlock_rdlock(&stream->lock);
    if (stream->gone) {
        rc = remote_fail_gone(stream, err);
    } else {
        list = calloc(stream->n_shards + 1, sizeof *list);
        for (size_t i = 0; list != NULL && i < stream->n_shards; i++)
            if (stream->shards[i]->listed)
                list[count++] = stream->shards[i]->info;
        if (list == NULL)
            rc = kfs_fail(err, ENOMEM, "out of memory");
    }
    (void)pthread_rwlock_unlock(&stream->lock);
    if (rc == 0) {
        *shards = list;
        *n = count;
    }
    return rc;
}

int remote_shard_find(struct remote_stream *stream, uint32_t index, struct remote_shard **shard,
                      struct kfs_shard_info *info, struct kfs_error *err)
{
    int rc = 0;
    bool found;

    (void)pthread_rwlock_rdlock(&stream->lock);
    size_t at = place_of(stream, index, &found);
    if (stream->gone)
        rc = remote_fail_gone(stream, err);
    else if (!found || !stream->shards[at]->listed)
        rc = kfs_fail_aws(err, ENOENT, "ResourceNotFoundException",
                          "Could not find shard " KFS_SHARD_ID_FORMAT " in stream %s.", index, stream->name);
    else {
        *shard = stream->shards[at];
        if (info != NULL)
            *info = (*shard)->info;
    }
    (void)pthread_rwlock_unlock(&stream->lock);
    return rc;
}

/* Whether a shard of that index may have been made since the endpoint was asked: indices only grow. */
static bool may_be_new(struct remote_stream *stream, uint32_t index)
{
    (void)pthread_rwlock_rdlock(&stream->lock);
    bool above = stream->n_shards > 0 && stream->shards[stream->n_shards - 1]->index < index;
    (void)pthread_rwlock_unlock(&stream->lock);
    return above && !atomic_load(&stream->remote->down);
}

int remote_shard_look(struct remote_stream *stream, uint32_t index, struct remote_shard **shard,
                      struct kfs_shard_info *info, struct kfs_error *err)
{
    if (remote_shard_find(stream, index, shard, info, NULL) == 0)
        return 0;
    if (may_be_new(stream, index)) {
        int rc = kfs_patience_ask();
        if (rc == 0)
            rc = remote_stream_refresh(stream, NULL);
        if (rc == -EINTR || rc == -EINPROGRESS)
            return kfs_fail(err, -rc, "interrupted while looking for new shards of %s", stream->name);
    }
    return remote_shard_find(stream, index, shard, info, err);
}

int remote_shard_info(struct kfs_stream *s, uint32_t index, struct kfs_shard_info *info, struct kfs_error *err)
{
    struct remote_shard *shard;

    return remote_shard_find((struct remote_stream *)s, index, &shard, info, err);
}

/* ---- watching ---- */

void remote_stream_wake(struct remote_stream *stream, uint32_t shard, enum kfs_event event)
{
    (void)pthread_mutex_lock(&stream->watch_lock);
    for (struct kfs_watch *w = stream->watches; w != NULL; w = w->next)
        w->wake(w, shard, event);
    (void)pthread_mutex_unlock(&stream->watch_lock);
}

void remote_watch(struct kfs_stream *s, struct kfs_watch *watch)
{
    struct remote_stream *stream = (struct remote_stream *)s;

    (void)pthread_mutex_lock(&stream->watch_lock);
    watch->next = stream->watches;
    stream->watches = watch;
    (void)pthread_mutex_unlock(&stream->watch_lock);
}

void remote_unwatch(struct kfs_stream *s, struct kfs_watch *watch)
{
    struct remote_stream *stream = (struct remote_stream *)s;

    (void)pthread_mutex_lock(&stream->watch_lock);
    for (struct kfs_watch **at = &stream->watches; *at != NULL; at = &(*at)->next) {
        if (*at == watch) {
            *at = watch->next;
            break;
        }
    }
    (void)pthread_mutex_unlock(&stream->watch_lock);
}
