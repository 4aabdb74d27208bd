#include "fs/encoder.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "backend/base/aggregate.h"
#include "backend/base/patience.h"
#include "backend/codec/kpl.h"
#include "fs/name.h"

/* Of what a batch is compressed or put together to: what a write completes is at most a record and a write. */
#define BATCH_BYTES_MAX ((size_t)4 * KFS_RECORD_BYTES_MAX)

/* Of looking again who owns hash keys, because a shard was closed meanwhile. */
#define TRIES_MAX 8

void kfs_encoder_init(struct kfs_encoder *e, struct kfs_stream *stream, uint32_t shard, struct kfs_coding coding)
{
    *e = (struct kfs_encoder){.stream = stream, .shard = shard, .coding = coding};
    kfs_buf_init(&e->compressed, BATCH_BYTES_MAX);
}

void kfs_encoder_release(struct kfs_encoder *e)
{
    if (e->compressor != NULL)
        e->coding.compression->context_free(e->compressor);
    kfs_buf_release(&e->compressed);
}

/* ---- compressing ---- */

void kfs_encoder_begin(struct kfs_encoder *e)
{
    if (e->compressed.cap > KFS_RECORD_BYTES_DEFAULT)
        kfs_buf_release(&e->compressed);
    e->compressed.len = 0;
}

int kfs_encoder_compress(struct kfs_encoder *e, struct kfs_put *put, size_t limit)
{
    size_t had = e->compressed.len;
    int rc;

    if (e->compressor == NULL)
        e->compressor = e->coding.compression->context_new();
    if (e->compressor == NULL)
        return -ENOMEM;
    rc = e->coding.compression->compress(e->compressor, put->data, &e->compressed);
    if (rc == 0 && e->compressed.len - had > limit)
        rc = -EMSGSIZE;
    if (rc != 0) {
        e->compressed.len = had;
        return rc;
    }
    /* The buffer may move until the last one is in it. */
    put->data = (struct kfs_bytes){NULL, e->compressed.len - had};
    put->newline_follows = false;
    return 0;
}

/* Gives each of a batch's puts, which must be all of them, the address of its data. */
static void place_compressed(const struct kfs_encoder *e, struct kfs_put *puts, size_t n)
{
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        puts[i].data.data = e->compressed.data + at;
        at += puts[i].data.len;
    }
    assert(at == e->compressed.len);
}

/* ---- putting together ---- */

/* What a group of puts to one shard becomes. */
struct group {
    const struct kfs_shard_info *shard;
    struct kfs_kpl_writer *writer;
    const struct kfs_put *first; /* that the writer holds */
    struct kfs_buf aggregates;   /* one behind the other */
    struct kfs_put *puts;        /* those that are aggregates have no address yet */
    size_t n;
};

/* Ends the aggregate: a record that came to be alone in it stays as it is, unless it would be taken for one. */
static int close_aggregate(struct group *g)
{
    size_t count = kfs_kpl_count(g->writer);
    size_t had = g->aggregates.len;
    int rc = count == 0 ? 0 : kfs_kpl_close(g->writer, &g->aggregates);

    if (rc != 0 || count == 0)
        return rc;
    if (count == 1 && !kfs_aggregate_begins(g->first->data)) {
        g->aggregates.len = had;
        g->puts[g->n++] = *g->first;
    } else {
        g->puts[g->n++] = (struct kfs_put){.data = {NULL, g->aggregates.len - had}};
    }
    return 0;
}

static int add(struct group *g, const struct kfs_put *put)
{
    char shard_id[KFS_SHARD_NAME_LEN + 1];
    struct kfs_put user = *put;
    int rc;

    if (user.key.len == 0) {
        kfs_shard_name_print(g->shard->index, shard_id);
        user.key = (struct kfs_bytes){shard_id, KFS_SHARD_NAME_LEN};
    }
    if (user.explicit_hash != NULL && !kfs_hash_in(&g->shard->range, *user.explicit_hash))
        user.explicit_hash = NULL;
    rc = kfs_kpl_add(g->writer, &user);
    if (rc == -EAGAIN) {
        rc = close_aggregate(g);
        if (rc == 0)
            rc = kfs_kpl_add(g->writer, &user);
    }
    if (rc == 0 && kfs_kpl_count(g->writer) == 1)
        g->first = put;
    /* One that is too large, or that kfs_append will refuse, goes by itself. */
    if (rc == -EMSGSIZE || rc == -EINVAL) {
        rc = close_aggregate(g);
        if (rc == 0)
            g->puts[g->n++] = *put;
    }
    return rc;
}

/* Stores puts that all belong to one shard. */
static int append_group(struct kfs_encoder *e, const struct kfs_shard_info *shard, struct kfs_put *const *puts,
                        size_t n, size_t limit, struct kfs_error *err)
{
    struct group g = {.shard = shard};
    size_t at = 0;
    int rc = 0;

    kfs_buf_init(&g.aggregates, BATCH_BYTES_MAX);
    g.puts = calloc(n, sizeof *g.puts);
    g.writer = kfs_kpl_writer_new(limit, &shard->range);
    if (g.puts == NULL || g.writer == NULL)
        rc = -ENOMEM;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = add(&g, puts[i]);
    if (rc == 0)
        rc = close_aggregate(&g);
    if (rc != 0) {
        (void)kfs_fail(err, -rc, "no room for an aggregate of %zu records", n);
        goto out;
    }
    for (size_t i = 0; i < g.n; i++) {
        if (g.puts[i].data.data != NULL || g.puts[i].data.len == 0)
            continue;
        g.puts[i].data.data = g.aggregates.data + at;
        at += g.puts[i].data.len;
    }
    rc = kfs_append(e->stream, shard->index, g.puts, g.n, NULL, err);
out:
    kfs_kpl_writer_free(g.writer);
    free(g.puts);
    kfs_buf_release(&g.aggregates);
    return rc;
}

/* ---- all shards ---- */

static int by_start(const void *a, const void *b)
{
    const struct kfs_shard_info *x = a;
    const struct kfs_shard_info *y = b;

    return x->range.start < y->range.start ? -1 : x->range.start > y->range.start;
}

/* The open shards by their ranges; -errno. The caller frees *shards. */
static int list_open(const struct kfs_encoder *e, struct kfs_shard_info **shards, size_t *n, struct kfs_error *err)
{
    size_t listed = 0;
    int rc = kfs_shard_list(e->stream, shards, &listed, err);

    *n = 0;
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < listed; i++) {
        if (!(*shards)[i].closed)
            (*shards)[(*n)++] = (*shards)[i];
    }
    if (*n > 0)
        qsort(*shards, *n, sizeof **shards, by_start);
    return 0;
}

/* The place of the shard that owns a put. What no shard owns goes to the nearest one, which refuses nothing. */
static size_t owner(const struct kfs_shard_info *shards, size_t n, const struct kfs_put *put)
{
    kfs_hash hash = put->explicit_hash != NULL ? *put->explicit_hash : kfs_hash_of_key(put->key.data, put->key.len);
    size_t low = 0;
    size_t high = n;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (shards[middle].range.start <= hash)
            low = middle;
        else
            high = middle;
    }
    return low;
}

struct routed {
    struct kfs_put *put;
    size_t owner;
    size_t order; /* in which it was given */
};

static int by_owner(const void *a, const void *b)
{
    const struct routed *x = a;
    const struct routed *y = b;

    if (x->owner != y->owner)
        return x->owner < y->owner ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Stores puts by their owners as they are now; once some are stored, with force. *done: how many are stored, after the
 * call at the front of puts. */
static int append_routed(struct kfs_encoder *e, struct kfs_put **puts, size_t n, size_t limit, size_t *done,
                         struct kfs_error *err)
{
    struct kfs_shard_info *shards = NULL;
    struct routed *routed = malloc(n * sizeof *routed);
    size_t open = 0;
    int rc;

    *done = 0;
    if (routed == NULL)
        return kfs_fail(err, ENOMEM, "no memory for an aggregate");
    rc = list_open(e, &shards, &open, err);
    if (rc == 0 && open == 0)
        rc = kfs_fail(err, EIO, "the stream has no open shard");
    if (rc != 0)
        goto out;
    for (size_t i = 0; i < n; i++)
        routed[i] = (struct routed){puts[i], owner(shards, open, puts[i]), i};
    qsort(routed, n, sizeof *routed, by_owner);
    for (size_t i = 0; i < n; i++)
        puts[i] = routed[i].put;
    while (rc == 0 && *done < n) {
        size_t end = *done;
        while (end < n && routed[end].owner == routed[*done].owner)
            end++;
        rc = append_group(e, &shards[routed[*done].owner], puts + *done, end - *done, limit, err);
        if (rc == 0)
            *done = end;
        if (*done > 0) /* what is stored would be so twice if the whole were tried again */
            (void)kfs_patience_enter(KFS_FORCED, NULL);
    }
out:
    free(routed);
    free(shards);
    return rc;
}

static int append_aggregates(struct kfs_encoder *e, struct kfs_put **puts, size_t n, size_t limit,
                             struct kfs_error *err)
{
    struct kfs_shard_info shard;
    size_t stored = 0;
    int rc = -EROFS;

    if (e->shard != KFS_NO_SHARD) {
        rc = kfs_shard_info(e->stream, e->shard, &shard, err);
        return rc != 0 ? rc : append_group(e, &shard, puts, n, limit, err);
    }
    const struct kfs_patience_state before = kfs_patience_get();
    for (int i = 0; rc == -EROFS && i < TRIES_MAX; i++) {
        size_t done;
        rc = append_routed(e, puts + stored, n - stored, limit, &done, err);
        stored += done;
    }
    if (stored > 0)
        kfs_patience_leave(&before);
    return rc;
}

int kfs_encoder_append(struct kfs_encoder *e, struct kfs_put *puts, size_t n, size_t limit, struct kfs_error *err)
{
    struct kfs_put **order;
    int rc;

    if (e->coding.compression != NULL)
        place_compressed(e, puts, n);
    if (!e->coding.aggregates || n == 0)
        return kfs_append(e->stream, e->shard, puts, n, NULL, err);
    order = malloc(n * sizeof *order);
    if (order == NULL)
        return kfs_fail(err, ENOMEM, "no memory for an aggregate");
    for (size_t i = 0; i < n; i++)
        order[i] = &puts[i];
    rc = append_aggregates(e, order, n, limit, err);
    free(order);
    return rc;
}
