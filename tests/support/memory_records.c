#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/aggregate.h"
#include "backend/topology.h"
#include "tests/support/memory_store.h"

/* ---- append ---- */

static char *copy(const void *data, size_t len)
{
    char *made = memory_alloc(NULL, len, 1);

    if (len > 0)
        memcpy(made, data, len);
    return made;
}

static void store(struct memory_stream *s, struct memory_shard *shard, const struct kfs_put *put,
                  struct kfs_put_result *result)
{
    char id[32];
    uint64_t now = s->backend->clock->wall_ms(s->backend->clock->ctx);
    struct memory_record *r;

    if (shard->n == shard->cap) {
        shard->cap = 2 * shard->cap + 1;
        shard->records = memory_alloc(shard->records, shard->cap, sizeof *shard->records);
    }
    if (now < shard->created_s * 1000 && shard->created_s * 1000 <= shard->info.created_ms + 1000)
        now = shard->created_s * 1000;
    if (now > shard->last_arrival_ms)
        shard->last_arrival_ms = now;
    r = &shard->records[shard->n++];
    r->arrival_ms = shard->last_arrival_ms;
    r->seq = kfs_seq_make(
        &(struct kfs_seq_parts){shard->created_s, ++shard->position, r->arrival_ms / 1000, shard->info.index});
    r->offset = shard->end;
    if (shard->aggregates_from > r->offset && kfs_aggregate_framed(put->data))
        shard->aggregates_from = r->offset;
    r->len = put->data.len;
    r->data = copy(put->data.data, put->data.len);
    r->key_len = put->key.len;
    if (put->key.len == 0)
        r->key_len = (size_t)snprintf(id, sizeof id, KFS_SHARD_ID_FORMAT, shard->info.index);
    r->key = copy(put->key.len == 0 ? id : put->key.data, r->key_len);
    shard->end += r->len + 1;
    shard->last = r->seq;
    *result = (struct kfs_put_result){.shard = shard->info.index, .seq = r->seq};
}

/* Sets the shard that a put goes to, and the error that it has by itself. */
static void judge(struct memory_stream *s, const struct kfs_shard_info *infos, uint32_t named,
                  const struct kfs_put *put, struct kfs_put_result *result)
{
    const struct kfs_shard_info *shard;

    if (named != KFS_NO_SHARD)
        shard = kfs_topology_find(infos, s->n, named);
    else
        shard = kfs_topology_owner(infos, s->n,
                                   put->explicit_hash != NULL ? *put->explicit_hash
                                                              : kfs_hash_of_key(put->key.data, put->key.len));
    *result = (struct kfs_put_result){.shard = shard != NULL ? shard->index : KFS_NO_SHARD};
    if (shard == NULL)
        result->error = -ENOENT;
    else if (shard->closed)
        result->error = -EROFS;
    else if (put->data.len > s->info.max_record_bytes)
        result->error = -EMSGSIZE;
}

static int fail_put(struct memory_stream *s, const struct kfs_shard_info *infos, uint32_t shard,
                    const struct kfs_put_result *result, struct kfs_error *err)
{
    if (result->error == -ENOENT)
        (void)memory_find(s, shard, err);
    else if (result->error == -EROFS)
        (void)kfs_topology_fail_closed(infos, s->n, shard, err);
    else
        (void)kfs_fail(err, EMSGSIZE, "a record is larger than the %u bytes that stream %s allows",
                       s->info.max_record_bytes, s->info.name);
    return result->error;
}

/* Per shard all or none: a put without an error of its own is cancelled where
 * another put to its shard has one. */
static void cancel_siblings(struct kfs_put_result *results, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; results[i].error != 0 && results[i].error != -ECANCELED && j < n; j++)
            if (results[j].error == 0 && results[j].shard == results[i].shard)
                results[j].error = -ECANCELED;
}

static int append_all(struct memory_stream *s, uint32_t shard, const struct kfs_put *puts, size_t n,
                      struct kfs_put_result *results, struct kfs_error *err)
{
    struct kfs_shard_info *infos = memory_infos(s);
    int rc = 0;

    for (size_t i = 0; i < n; i++) {
        judge(s, infos, shard, &puts[i], &results[i]);
        if (rc == 0 && results[i].error != 0)
            rc = fail_put(s, infos, shard, &results[i], err);
    }
    if (rc != 0)
        cancel_siblings(results, n);
    for (size_t i = 0; i < n; i++)
        if (results[i].error == 0)
            store(s, memory_find(s, results[i].shard, NULL), &puts[i], &results[i]);
    free(infos);
    return rc;
}

/* One event for each shard that has a stored record among the results. */
static void tell_grown(struct memory_stream *s, const struct kfs_put_result *results, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool told = results[i].error != 0;
        for (size_t j = 0; !told && j < i; j++)
            told = results[j].error == 0 && results[j].shard == results[i].shard;
        if (!told)
            memory_tell(s, results[i].shard, KFS_EVENT_GREW);
    }
}

int memory_append(struct kfs_stream *ref, uint32_t shard, const struct kfs_put *puts, size_t n,
                  struct kfs_put_result *results, struct kfs_error *err)
{
    struct kfs_put_result *own = memory_alloc(NULL, n, sizeof *own);
    struct memory_stream *s;
    int rc = memory_enter(ref, &s, err);

    if (rc == 0)
        rc = append_all(s, shard, puts, n, own, err);
    else
        for (size_t i = 0; i < n; i++)
            own[i] = (struct kfs_put_result){.error = rc, .shard = KFS_NO_SHARD};
    memory_leave(s);
    tell_grown(s, own, n);
    if (results != NULL)
        memcpy(results, own, n * sizeof *own);
    free(own);
    return rc;
}

/* ---- read ---- */

int memory_reader_open(struct kfs_stream *ref, uint32_t shard, struct kfs_reader **reader, struct kfs_error *err)
{
    struct memory_stream *s;
    int rc = memory_enter(ref, &s, err);

    if (rc == 0 && memory_find(s, shard, err) == NULL)
        rc = -ENOENT;
    if (rc == 0) {
        *reader = memory_alloc(NULL, 1, sizeof **reader);
        **reader = (struct kfs_reader){ref, shard};
        s->backend->readers++;
    }
    memory_leave(s);
    return rc;
}

void memory_reader_close(struct kfs_reader *reader)
{
    struct memory_stream *s = ((struct memory_ref *)reader->stream)->stream;

    pthread_mutex_lock(&s->backend->lock);
    assert(s->backend->readers > 0);
    s->backend->readers--;
    pthread_mutex_unlock(&s->backend->lock);
    free(reader);
}

/* memory_enter and memory_find together. */
static int enter_shard(struct kfs_reader *reader, struct memory_stream **s, struct memory_shard **shard,
                       struct kfs_error *err)
{
    int rc = memory_enter(reader->stream, s, err);

    if (rc != 0)
        return rc;
    *shard = memory_find(*s, reader->shard, err);
    return *shard == NULL ? -ENOENT : 0;
}

static uint64_t start_of(const struct memory_shard *shard)
{
    return shard->first < shard->n ? shard->records[shard->first].offset : shard->end;
}

static int check_horizon(const struct memory_shard *shard, uint64_t offset, struct kfs_error *err)
{
    if (offset < start_of(shard))
        return kfs_fail(err, ESTALE, "retention has removed what was at offset %llu", (unsigned long long)offset);
    return 0;
}

/* Whether a record is at or behind a position, other than LAST_RECORDS. */
static bool reached(const struct kfs_position *position, const struct memory_record *r)
{
    switch (position->type) {
    case KFS_AT_HORIZON:
        return true;
    case KFS_AT_SEQUENCE:
        return kfs_seq_cmp(&r->seq, &position->seq) >= 0;
    case KFS_AFTER_SEQUENCE:
        return kfs_seq_cmp(&r->seq, &position->seq) > 0;
    case KFS_AT_TIME:
        return r->arrival_ms >= position->time_ms;
    case KFS_AT_OFFSET:
        return r->offset >= position->offset;
    default:
        return false;
    }
}

int memory_locate(struct kfs_reader *reader, const struct kfs_position *position, uint64_t *offset,
                  struct kfs_error *err)
{
    struct memory_stream *s;
    struct memory_shard *shard;
    int rc = enter_shard(reader, &s, &shard, err);

    if (rc == 0) {
        size_t i = shard->first;
        if (position->type == KFS_LAST_RECORDS)
            i = position->count < shard->n - shard->first ? shard->n - (size_t)position->count : shard->first;
        else
            while (i < shard->n && !reached(position, &shard->records[i]))
                i++;
        *offset = i < shard->n ? shard->records[i].offset : shard->end;
    }
    memory_leave(s);
    return rc;
}

static bool may_aggregate(const struct memory_shard *shard, const struct memory_record *r)
{
    return r->offset >= shard->aggregates_from && kfs_aggregate_begins((struct kfs_bytes){r->data, r->len});
}

int memory_read(struct kfs_reader *reader, uint64_t offset, const struct kfs_limit *limit, struct kfs_batch *batch,
                struct kfs_error *err)
{
    struct memory_stream *s;
    struct memory_shard *shard;
    size_t bytes = 0;
    int rc = enter_shard(reader, &s, &shard, err);

    if (rc == 0)
        rc = check_horizon(shard, offset, err);
    if (rc == 0) {
        batch->tip = shard->end;
        batch->next = offset > shard->end ? offset : shard->end;
        for (size_t i = shard->first; i < shard->n; i++) {
            const struct memory_record *r = &shard->records[i];
            if (r->offset < offset)
                continue;
            bytes += r->len;
            if (batch->n > 0 && (batch->n == limit->records || bytes > limit->bytes))
                break;
            if (kfs_batch_add(batch, &(struct kfs_record){.seq = r->seq,
                                                          .arrival_ms = r->arrival_ms,
                                                          .offset = r->offset,
                                                          .ordinal = i,
                                                          .key = {r->key, r->key_len},
                                                          .data = {r->data, r->len},
                                                          .aggregate = may_aggregate(shard, r)}))
                abort();
            batch->next = r->offset + r->len + 1;
        }
    }
    memory_leave(s);
    return rc;
}

ssize_t memory_read_bytes(struct kfs_reader *reader, uint64_t offset, void *data, size_t len, struct kfs_error *err)
{
    struct memory_stream *s;
    struct memory_shard *shard;
    size_t got = 0;
    int rc = enter_shard(reader, &s, &shard, err);

    if (rc == 0 && offset < shard->aggregates_from)
        rc = check_horizon(shard, offset, err);
    for (size_t i = rc == 0 ? shard->first : 0; rc == 0 && i < shard->n && got < len; i++) {
        const struct memory_record *r = &shard->records[i];
        if (r->offset >= shard->aggregates_from)
            break;
        /* The record's bytes are its data and a newline; those from offset + got on are wanted. */
        while (got < len && offset + got >= r->offset && offset + got <= r->offset + r->len) {
            size_t in = (size_t)(offset + got - r->offset);
            ((char *)data)[got++] = in < r->len ? r->data[in] : '\n';
        }
    }
    memory_leave(s);
    return rc != 0 ? rc : (ssize_t)got;
}

int memory_read_stored(struct kfs_reader *reader, uint64_t offset, struct kfs_stored *stored, struct kfs_error *err)
{
    struct memory_stream *s;
    struct memory_shard *shard;
    size_t end = 0;
    size_t len = 0;
    size_t taken = 0;
    int rc = enter_shard(reader, &s, &shard, err);

    if (rc == 0)
        rc = check_horizon(shard, offset, err);
    if (rc == 0)
        end = shard->n;
    for (size_t i = 0; i < end && stored->n < KFS_STORED_MAX; i++) {
        const struct memory_record *r = &shard->records[i];
        if (r->offset < offset)
            continue;
        if (r->offset != offset + len || r->len + 1 > KFS_STORED_BYTES - len || taken >= stored->room)
            break;
        memcpy(stored->bytes + len, r->data, r->len);
        stored->bytes[len + r->len] = '\n';
        len += r->len + 1;
        taken += r->len + stored->frame;
        stored->ends[stored->n++] = (uint32_t)len;
    }
    memory_leave(s);
    return rc;
}
