/* Records in and out: routing, appending, reading. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/local/local_internal.h"

/* ---- appending ---- */

static int check_sizes(const struct local_stream *stream, const struct kfs_put *puts, size_t n,
                       struct kfs_put_result *results, struct kfs_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < n; i++) {
        bool large = puts[i].data.len > stream->settings.max_record_bytes;
        if (large && rc == 0)
            rc = kfs_fail_aws(err, EMSGSIZE, "ValidationException",
                              "a record of %zu bytes is over the limit of stream %s, %u bytes", puts[i].data.len,
                              stream->name, stream->settings.max_record_bytes);
        if (results != NULL)
            results[i].error = large ? -EMSGSIZE : 0;
    }
    return rc;
}

/* Appends to one shard. Under the stream's lock, so that it cannot close meanwhile. */
static int append_to(struct local_shard *shard, const struct kfs_put *puts, size_t n, struct kfs_put_result *results,
                     struct kfs_error *err)
{
    struct local_store *store = shard->stream->store;
    size_t bytes = 0;
    int rc = local_shard_use(shard, err);

    if (rc != 0)
        return rc;
    rc = kfs_log_append(shard->log, puts, n, results, err);
    local_shard_put(shard);
    if (rc != 0)
        return rc;
    if (!atomic_exchange(&shard->dirty, true))
        local_keeper_note(shard);
    for (size_t i = 0; i < n; i++)
        bytes += puts[i].data.len;
    atomic_fetch_add(&store->appended_records, n);
    atomic_fetch_add(&store->appended_bytes, bytes);
    return 0;
}

static void fill_results(struct kfs_put_result *results, size_t n, uint32_t shard, int error)
{
    for (size_t i = 0; results != NULL && i < n; i++) {
        results[i].shard = shard;
        results[i].error = error;
    }
}

static int append_shard(struct local_stream *stream, uint32_t index, const struct kfs_put *puts, size_t n,
                        struct kfs_put_result *results, struct kfs_error *err)
{
    const struct kfs_topology *t = &stream->topology;
    const struct kfs_shard_info *info = kfs_topology_find(t->shards, t->n, index);

    if (info == NULL)
        return kfs_fail_aws(err, ENOENT, "ResourceNotFoundException",
                            "Could not find shard " KFS_SHARD_ID_FORMAT " in stream %s under account %s.", index,
                            stream->name, stream->store->options.account);
    if (info->closed)
        return kfs_topology_fail_closed(t->shards, t->n, index, err);
    int rc = check_sizes(stream, puts, n, results, err);
    if (rc != 0)
        return rc;
    rc = append_to(stream->shards[info - t->shards], puts, n, results, err);
    fill_results(results, n, index, rc);
    return rc;
}

/* The open shard that owns a hash; NULL only where the stream file left a hole. */
static struct local_shard *route(const struct local_stream *stream, kfs_hash hash)
{
    size_t low = 0;
    size_t high = stream->n_routes;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (stream->routes[middle]->range.start <= hash)
            low = middle;
        else
            high = middle;
    }
    if (low >= stream->n_routes || !kfs_hash_in(&stream->routes[low]->range, hash))
        return NULL;
    return stream->shards[stream->routes[low] - stream->topology.shards];
}

/* Where there is one shard for all, no key is hashed. */
static struct local_shard *route_put(const struct local_stream *stream, const struct kfs_put *put)
{
    const struct kfs_hash_range *first = stream->n_routes > 0 ? &stream->routes[0]->range : NULL;

    if (first != NULL && first->start == 0 && first->end == KFS_HASH_MAX)
        return route(stream, 0);
    return route(stream,
                 put->explicit_hash != NULL ? *put->explicit_hash : kfs_hash_of_key(put->key.data, put->key.len));
}

static int fail_hole(const struct local_stream *stream, struct kfs_error *err)
{
    return kfs_fail(err, EIO, "no open shard of stream %s owns a hash key; run fsck.kinesisfs on the store",
                    stream->name);
}

static int append_one(struct local_stream *stream, const struct kfs_put *put, struct kfs_put_result *result,
                      struct kfs_error *err)
{
    struct local_shard *shard = route_put(stream, put);

    if (shard == NULL)
        return fail_hole(stream, err);
    int rc = append_shard(stream, shard->index, put, 1, result, err);
    if (rc == 0)
        local_stream_wake(stream, shard->index, KFS_EVENT_GREW);
    return rc;
}

/* A batch on its way to several shards. */
struct scatter {
    struct local_shard **targets; /* by record; NULL once handled */
    struct kfs_put *puts;         /* those of one shard */
    struct kfs_put_result *results;
    size_t *places; /* where they stand in the batch */
};

/* Sends on the records that go where record `first` goes. */
static int append_group(struct scatter *s, const struct kfs_put *puts, size_t n, size_t first,
                        struct kfs_put_result *results, struct kfs_error *err)
{
    struct local_shard *shard = s->targets[first];
    size_t count = 0;

    for (size_t i = first; i < n; i++) {
        if (s->targets[i] != shard)
            continue;
        s->targets[i] = NULL;
        s->places[count] = i;
        s->puts[count++] = puts[i];
    }
    int rc = check_sizes(shard->stream, s->puts, count, s->results, err);
    if (rc == 0) {
        rc = append_to(shard, s->puts, count, s->results, err);
        fill_results(s->results, count, shard->index, rc);
    } else {
        for (size_t i = 0; i < count; i++) {
            s->results[i].shard = shard->index;
            s->results[i].seq = (struct kfs_seq){{0}};
            if (s->results[i].error == 0)
                s->results[i].error = -ECANCELED;
        }
    }
    for (size_t i = 0; results != NULL && i < count; i++)
        results[s->places[i]] = s->results[i];
    if (rc == 0)
        local_stream_wake(shard->stream, shard->index, KFS_EVENT_GREW);
    return rc;
}

static int append_by_key(struct local_stream *stream, const struct kfs_put *puts, size_t n,
                         struct kfs_put_result *results, struct kfs_error *err)
{
    struct scatter s = {.targets = calloc(n, sizeof(struct local_shard *)),
                        .puts = calloc(n, sizeof *s.puts),
                        .results = calloc(n, sizeof *s.results),
                        .places = calloc(n, sizeof *s.places)};
    struct kfs_error later = {0};
    int rc = 0;

    if (s.targets == NULL || s.puts == NULL || s.results == NULL || s.places == NULL) {
        rc = kfs_fail(err, ENOMEM, "out of memory");
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        s.targets[i] = route_put(stream, &puts[i]);
        if (s.targets[i] == NULL) {
            rc = fail_hole(stream, err);
            goto out;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (s.targets[i] == NULL)
            continue;
        int failed = append_group(&s, puts, n, i, results, rc == 0 ? err : &later);
        if (rc == 0)
            rc = failed;
    }
out:
    free(s.targets);
    free(s.puts);
    free(s.results);
    free(s.places);
    return rc;
}

int local_append(struct kfs_stream *s, uint32_t index, const struct kfs_put *puts, size_t n,
                 struct kfs_put_result *results, struct kfs_error *err)
{
    struct local_stream *stream = (struct local_stream *)s;
    int rc;

    (void)pthread_rwlock_rdlock(&stream->lock);
    if (stream->deleted)
        rc = kfs_fail_aws(err, ENOENT, "ResourceNotFoundException", "Stream %s under account %s not found.",
                          stream->name, stream->store->options.account);
    else if (index == KFS_NO_SHARD && n == 1)
        rc = append_one(stream, puts, results, err);
    else if (index == KFS_NO_SHARD)
        rc = append_by_key(stream, puts, n, results, err);
    else
        rc = append_shard(stream, index, puts, n, results, err);
    (void)pthread_rwlock_unlock(&stream->lock);
    if (rc == 0 && index != KFS_NO_SHARD)
        local_stream_wake(stream, index, KFS_EVENT_GREW);
    return rc;
}

/* ---- reading ---- */

struct local_reader {
    struct kfs_reader base;
    struct local_shard *shard;
    struct kfs_log_reader *log;
    char id[KFS_SHARD_DIR_MAX]; /* the key of records that were given none */
};

int local_reader_open(struct kfs_stream *s, uint32_t index, struct kfs_reader **out, struct kfs_error *err)
{
    struct local_reader *reader = calloc(1, sizeof *reader);
    int rc;

    if (reader == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    rc = local_shard_get((struct local_stream *)s, index, &reader->shard, err);
    if (rc != 0) {
        free(reader);
        return rc;
    }
    rc = kfs_log_reader_open(reader->shard->log, &reader->log);
    if (rc != 0) {
        local_shard_put(reader->shard);
        free(reader);
        return kfs_fail(err, ENOMEM, "out of memory");
    }
    reader->base = (struct kfs_reader){.stream = s, .shard = index};
    local_shard_dir(index, reader->id);
    *out = &reader->base;
    return 0;
}

void local_reader_close(struct kfs_reader *r)
{
    struct local_reader *reader = (struct local_reader *)r;

    kfs_log_reader_close(reader->log);
    local_shard_put(reader->shard);
    free(reader);
}

static int check_there(struct local_reader *reader, struct kfs_error *err)
{
    struct local_stream *stream = reader->shard->stream;

    (void)pthread_rwlock_rdlock(&stream->lock);
    bool gone = stream->deleted;
    (void)pthread_rwlock_unlock(&stream->lock);
    return gone ? kfs_fail_aws(err, ENOENT, "ResourceNotFoundException", "Stream %s under account %s not found.",
                               stream->name, stream->store->options.account)
                : 0;
}

/* Damage that a reader ran into is said once to the fault hook too, with the shard's name. */
static int report(struct local_reader *reader, int rc, const struct kfs_error *detail, struct kfs_error *err)
{
    if (rc == -EIO)
        local_fault(reader->shard->stream, reader->shard->index, detail);
    if (err != NULL && rc != 0)
        *err = *detail;
    return rc;
}

int local_locate(struct kfs_reader *r, const struct kfs_position *position, uint64_t *offset, struct kfs_error *err)
{
    struct local_reader *reader = (struct local_reader *)r;
    struct kfs_error detail = {0};
    int rc = check_there(reader, err);

    if (rc != 0)
        return rc;
    if (kfs_log_has_expired(reader->shard->log, local_shard_cutoff(reader->shard)))
        (void)local_shard_trim(reader->shard, false, NULL);
    rc = kfs_log_locate(reader->log, position, offset, &detail);
    return report(reader, rc, &detail, err);
}

/* Records that were given no key have the shard's name: in the batch, which may outlive the reader. */
static int name_keys(const struct local_reader *reader, struct kfs_batch *batch)
{
    const size_t len = strlen(reader->id);
    size_t i = 0;

    while (i < batch->n && batch->records[i].key.len > 0)
        i++;
    if (i == batch->n)
        return 0;
    int rc = kfs_batch_reserve(batch, len);
    if (rc != 0)
        return rc;
    const struct kfs_bytes key = {batch->storage.data + batch->storage.len, len};
    memcpy(batch->storage.data + batch->storage.len, reader->id, len);
    batch->storage.len += len;
    for (; i < batch->n; i++)
        if (batch->records[i].key.len == 0)
            batch->records[i].key = key;
    return 0;
}

int local_read(struct kfs_reader *r, uint64_t offset, const struct kfs_limit *limit, struct kfs_batch *batch,
               struct kfs_error *err)
{
    struct local_reader *reader = (struct local_reader *)r;
    struct kfs_error detail = {0};
    int rc = check_there(reader, err);

    if (rc != 0)
        return rc;
    rc = kfs_log_read(reader->log, offset, limit, batch, &detail);
    if (rc != 0)
        return report(reader, rc, &detail, err);
    rc = name_keys(reader, batch);
    if (rc == 0)
        return 0;
    kfs_batch_clear(batch);
    return kfs_fail(err, ENOMEM, "out of memory");
}

ssize_t local_read_bytes(struct kfs_reader *r, uint64_t offset, void *data, size_t len, struct kfs_error *err)
{
    struct local_reader *reader = (struct local_reader *)r;
    struct kfs_error detail = {0};
    int rc = check_there(reader, err);

    if (rc != 0)
        return rc;
    ssize_t n = kfs_log_read_bytes(reader->log, offset, data, len, &detail);
    return n >= 0 ? n : report(reader, (int)n, &detail, err);
}

int local_read_stored(struct kfs_reader *r, uint64_t offset, struct kfs_stored *stored, struct kfs_error *err)
{
    struct local_reader *reader = (struct local_reader *)r;
    struct kfs_error detail = {0};
    int rc = check_there(reader, err);

    if (rc != 0)
        return rc;
    rc = kfs_log_read_stored(reader->log, offset, stored, &detail);
    return rc == 0 ? 0 : report(reader, rc, &detail, err);
}
