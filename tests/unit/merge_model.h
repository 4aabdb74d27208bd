/* For the tests of the merge: a stream in the reference backend with a clock
 * that the test moves, a backend whose reads can be counted and made to fail,
 * and the obvious model: at each extension collect the new records of all
 * shards, sort them by arrival and shard, render them, append. */
#ifndef KFS_TESTS_MERGE_MODEL_H
#define KFS_TESTS_MERGE_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "fs/framing.h"
#include "fs/merge_internal.h"
#include "tests/support/memory.h"

#define START_MS UINT64_C(1700000000000)
#define HOUR_MS UINT64_C(3600000)
#define MODEL_SHARDS_MAX 4096

struct world {
    struct kfs_clock clock;
    uint64_t now_ms;
    uint32_t random;
    struct kfs_backend_ops ops;
    const struct kfs_backend_ops *real;
    struct kfs_backend *backend;
    struct kfs_stream *stream;
    struct kfs_merge_pool pool;
    size_t reads;     /* calls */
    size_t records;   /* that they returned */
    size_t readers;   /* that are open */
    size_t locates;   /* calls */
    uint32_t fail;    /* reads of this shard fail */
    uint64_t fail_at; /* at this offset */
    uint64_t skew_ms; /* the clock of every shard but 0 is this much behind */
    int fail_with;    /* 0: none does */
    uint64_t fetched; /* of shard 0 only so many bytes can be seen, as of a remote source; 0: all */
    uint64_t trimmed; /* records of shard 0, of 99 bytes, before the horizon, and still there as in a log's segment */
};

struct model {
    struct world *world;
    uint32_t only;
    const struct kfs_framing *framing;
    struct kfs_buf bytes;
    uint64_t done[MODEL_SHARDS_MAX]; /* offset that is in, by shard */
};

static struct world *the_world;

static inline uint64_t world_now(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

static inline int world_read(struct kfs_reader *r, uint64_t offset, const struct kfs_limit *limit,
                             struct kfs_batch *batch, struct kfs_error *err)
{
    struct world *w = the_world;
    struct kfs_limit shorter = *limit;
    int rc;

    w->reads++;
    if (w->fail_with != 0 && r->shard == w->fail && offset == w->fail_at)
        return kfs_fail(err, w->fail_with, "made to fail");
    if (w->fail_with != 0 && r->shard == w->fail)
        shorter.records = 1; /* so that the place that fails is asked for */
    rc = w->real->read(r, offset, &shorter, batch, err);
    for (size_t i = 0; i < batch->n && r->shard > 0; i++)
        batch->records[i].arrival_ms -= w->skew_ms;
    w->records += batch->n;
    return rc;
}

/* What fails is not at hand. */
static inline int world_read_stored(struct kfs_reader *r, uint64_t offset, struct kfs_stored *stored,
                                    struct kfs_error *err)
{
    struct world *w = the_world;

    if (w->fail_with != 0 && r->shard == w->fail)
        return offset == w->fail_at ? kfs_fail(err, w->fail_with, "made to fail") : 0;
    w->reads++;
    int rc = w->real->read_stored(r, offset, stored, err);
    w->records += stored->n;
    return rc;
}

static inline int world_locate(struct kfs_reader *r, const struct kfs_position *p, uint64_t *at, struct kfs_error *err)
{
    struct kfs_position skewed = *p;

    the_world->locates++;
    if (r->shard > 0)
        skewed.time_ms += the_world->skew_ms;
    return the_world->real->locate(r, &skewed, at, err);
}

static inline int world_extent(struct kfs_stream *s, uint32_t shard, struct kfs_extent *extent, struct kfs_error *err)
{
    int rc = the_world->real->shard_extent(s, shard, extent, err);

    if (rc == 0 && shard > 0)
        extent->last_arrival_ms -= the_world->skew_ms;
    if (rc == 0 && shard == 0 && the_world->trimmed > 0) {
        extent->start = the_world->trimmed * 100;
        extent->first_record = the_world->trimmed;
    }
    if (rc == 0 && shard == 0 && the_world->fetched > 0) {
        extent->end = the_world->fetched;
        extent->closed = false;
    }
    return rc;
}

static inline int world_reader_open(struct kfs_stream *s, uint32_t shard, struct kfs_reader **r, struct kfs_error *err)
{
    int rc = the_world->real->reader_open(s, shard, r, err);

    the_world->readers += rc == 0;
    return rc;
}

static inline void world_reader_close(struct kfs_reader *r)
{
    the_world->readers--;
    the_world->real->reader_close(r);
}

static inline void world_open(struct world *w, uint32_t shards)
{
    const struct kfs_stream_spec spec = {.shards = shards, .max_record_bytes = KFS_RECORD_BYTES_MAX};

    *w = (struct world){.now_ms = START_MS, .random = 1};
    kfs_merge_pool_init(&w->pool);
    w->clock = (struct kfs_clock){w, world_now, world_now};
    w->backend = memory_open(&w->clock);
    w->real = w->backend->ops;
    w->ops = *w->real;
    w->ops.read = world_read;
    w->ops.read_stored = world_read_stored;
    w->ops.locate = world_locate;
    w->ops.shard_extent = world_extent;
    w->ops.reader_open = world_reader_open;
    w->ops.reader_close = world_reader_close;
    w->backend->ops = &w->ops;
    the_world = w;
    assert_int_equal(kfs_stream_create(w->backend, "s", &spec, NULL), 0);
    assert_int_equal(kfs_stream_open(w->backend, "s", &w->stream, NULL), 0);
}

static inline void world_close(struct world *w)
{
    assert_int_equal(w->readers, 0);
    kfs_merge_pool_release(&w->pool);
    kfs_stream_close(w->stream);
    assert_int_equal(kfs_backend_close(w->backend), 0);
}

static inline uint32_t world_random(struct world *w, uint32_t below)
{
    w->random = w->random * 1664525U + 1013904223U;
    return (uint32_t)(((uint64_t)w->random * below) >> 32);
}

/* A record of `len` bytes that differ from record to record. */
static inline void world_put(struct world *w, uint32_t shard, size_t len)
{
    char *data = malloc(len + 1);
    char key[24];
    struct kfs_put put = {.data = {data, len}};

    for (size_t i = 0; i < len; i++)
        data[i] = (char)('!' + world_random(w, 90));
    put.key = (struct kfs_bytes){key, (size_t)snprintf(key, sizeof key, "key-%u", world_random(w, 1000))};
    assert_int_equal(kfs_append(w->stream, shard, &put, 1, NULL, NULL), 0);
    free(data);
}

/* An open shard, any. */
static inline struct kfs_shard_info world_shard(struct world *w)
{
    struct kfs_shard_info *list;
    struct kfs_shard_info got;
    size_t n;

    assert_int_equal(kfs_shard_list(w->stream, &list, &n, NULL), 0);
    do
        got = list[world_random(w, (uint32_t)n)];
    while (got.closed);
    free(list);
    return got;
}

static inline void model_init(struct model *m, struct world *w, uint32_t only, const struct kfs_framing *framing)
{
    *m = (struct model){.world = w, .only = only, .framing = framing};
    kfs_buf_init(&m->bytes, (size_t)1 << 30);
}

struct model_record {
    struct kfs_record record;
    uint32_t shard;
};

static inline int model_order(const void *left, const void *right)
{
    const struct model_record *a = left;
    const struct model_record *b = right;

    if (a->record.arrival_ms != b->record.arrival_ms)
        return a->record.arrival_ms < b->record.arrival_ms ? -1 : 1;
    if (a->shard != b->shard)
        return a->shard < b->shard ? -1 : 1;
    return a->record.offset < b->record.offset ? -1 : a->record.offset > b->record.offset;
}

static inline void model_collect(struct model *m, uint32_t shard, struct model_record **all, size_t *n)
{
    const struct kfs_limit limit = {10000, KFS_RECORD_BYTES_MAX};
    struct kfs_reader *reader;
    struct kfs_batch batch;

    kfs_batch_init(&batch);
    assert_int_equal(m->world->real->reader_open(m->world->stream, shard, &reader, NULL), 0);
    for (;;) {
        kfs_batch_clear(&batch);
        assert_int_equal(m->world->real->read(reader, m->done[shard], &limit, &batch, NULL), 0);
        if (batch.n == 0)
            break;
        *all = realloc(*all, (*n + batch.n) * sizeof **all);
        for (size_t i = 0; i < batch.n; i++) {
            struct kfs_record *r = &batch.records[i];
            r->data.data = memcpy(malloc(r->data.len + 1), r->data.data, r->data.len);
            r->key.data = memcpy(malloc(r->key.len + 1), r->key.data, r->key.len);
            (*all)[(*n)++] = (struct model_record){*r, shard};
        }
        m->done[shard] = batch.next;
    }
    m->world->real->reader_close(reader);
    kfs_batch_release(&batch);
}

static inline void model_extend(struct model *m)
{
    struct model_record *all = NULL;
    struct kfs_shard_info *list;
    size_t n = 0;
    size_t shards;

    assert_int_equal(kfs_shard_list(m->world->stream, &list, &shards, NULL), 0);
    for (size_t i = 0; i < shards; i++)
        if (m->only == KFS_NO_SHARD || m->only == list[i].index)
            model_collect(m, list[i].index, &all, &n);
    if (n > 0)
        qsort(all, n, sizeof *all, model_order);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(m->framing->render(&all[i].record, all[i].shard, &m->bytes), 0);
        free((void *)(uintptr_t)all[i].record.data.data);
        free((void *)(uintptr_t)all[i].record.key.data);
    }
    free(all);
    free(list);
}

static inline struct kfs_merge *merge_of(struct world *w, uint32_t shard, const struct kfs_framing *framing)
{
    const struct kfs_merge_file file = {.stream = w->stream, .shard = shard, .framing = framing};
    struct kfs_merge *merge;

    assert_int_equal(kfs_merge_new(&w->pool, &file, &merge, NULL), 0);
    return merge;
}

static inline uint64_t size_of(struct kfs_merge *merge)
{
    uint64_t size = UINT64_MAX;

    assert_int_equal(kfs_merge_size(merge, &size, NULL), 0);
    return size;
}

/* One read, compared with the model, which knows all that is there. Returns how much came. */
static inline size_t check_read(struct model *m, struct kfs_merge *merge, uint64_t offset, size_t len)
{
    char *data = malloc(len + 1);
    ssize_t got = kfs_merge_read(merge, offset, data, len, NULL);
    size_t want = offset >= m->bytes.len ? 0 : m->bytes.len - offset;

    assert_int_equal(got, want < len ? want : len);
    if (got > 0)
        assert_memory_equal(data, m->bytes.data + offset, (size_t)got);
    free(data);
    return (size_t)got;
}

static inline void check_all(struct model *m, struct kfs_merge *merge, size_t step)
{
    uint64_t at = 0;
    size_t got;

    do {
        got = check_read(m, merge, at, step);
        at += got;
    } while (got > 0);
    assert_int_equal(at, m->bytes.len);
}

#endif
