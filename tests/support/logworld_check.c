/* Comparing a log with the model. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/logworld.h"

#define READ_BYTES_MAX (1U << 20)

static uint64_t below(struct world *w, uint64_t n)
{
    return simdisk_random(&w->random, n);
}

static void compare(struct world *w, const struct world_record *r, const struct kfs_record *got)
{
    char *data = malloc(r->len + 1);
    char key[KFS_PARTITION_KEY_BYTES_MAX];

    if (data == NULL)
        abort();
    world_data(r, data);
    world_key(r, key);
    CHECK(w, got->offset == r->offset && got->data.len == r->len && got->key.len == r->key_len);
    CHECK(w, r->len == 0 || memcmp(got->data.data, data, r->len) == 0);
    CHECK(w, got->aggregate == (r->len == WORLD_AGGREGATE));
    CHECK(w, r->key_len == 0 || memcmp(got->key.data, key, r->key_len) == 0);
    if (!kfs_seq_is_none(&r->seq)) {
        CHECK(w, kfs_seq_cmp(&got->seq, &r->seq) == 0);
        CHECK(w, got->arrival_ms == r->arrival_ms);
    }
    free(data);
}

size_t world_ordinal_at(const struct world *w, uint64_t offset)
{
    size_t low = 0;
    size_t high = w->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (w->records[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Reads records from the offset to the end, and compares them. */
static void check_records(struct world *w, struct kfs_log_reader *reader, uint64_t offset,
                          const struct kfs_limit *limit)
{
    struct kfs_batch batch;
    size_t at = world_ordinal_at(w, offset);
    uint64_t end = world_end(w);

    kfs_batch_init(&batch);
    while (offset < end) {
        size_t bytes = 0;
        int rc = kfs_log_read(reader, offset, limit, &batch, &w->err);
        CHECK(w, rc == 0);
        CHECK(w, batch.n <= limit->records && batch.tip == end && batch.next <= end && batch.next > offset);
        CHECK(w, batch.n > 0 || at == w->n);
        for (size_t i = 0; i < batch.n; i++, at++) {
            CHECK(w, at < w->n);
            compare(w, &w->records[at], &batch.records[i]);
            bytes += batch.records[i].data.len;
        }
        CHECK(w, batch.n <= 1 || bytes <= limit->bytes);
        CHECK(w, batch.next == (at < w->n ? w->records[at].offset : end));
        offset = batch.next;
    }
    CHECK(w, at == w->n);
    CHECK(w, kfs_log_read(reader, end, limit, &batch, &w->err) == 0 && batch.n == 0 && batch.next == end);
    kfs_batch_release(&batch);
}

/* What is read as bytes: up to the mark. */
static void check_bytes(struct world *w, struct kfs_log_reader *reader, uint64_t from, size_t step)
{
    struct kfs_log_extent extent;
    uint64_t end = world_end(w);

    kfs_log_extent(w->log, &extent);
    if (extent.aggregates_from < end)
        end = extent.aggregates_from > from ? extent.aggregates_from : from;
    size_t len = (size_t)(end - from);
    char *want = malloc(len + 1);
    char *got = malloc(len + step + 1);

    if (want == NULL || got == NULL)
        abort();
    world_bytes(w, from, want, len);
    for (size_t at = 0; at <= len;) {
        ssize_t n = kfs_log_read_bytes(reader, from + at, got, step, &w->err);
        size_t expect = len - at < step ? len - at : step;
        CHECK(w, n == (ssize_t)expect);
        CHECK(w, memcmp(got, want + at, expect) == 0);
        at += expect > 0 ? expect : 1;
    }
    free(want);
    free(got);
}

static void check_extent(struct world *w)
{
    struct kfs_log_extent extent;

    kfs_log_extent(w->log, &extent);
    CHECK(w, extent.end == world_end(w) && extent.next_record == w->n);
    CHECK(w, extent.kept <= extent.horizon && extent.horizon <= extent.end);
    CHECK(w, extent.horizon <= w->horizon && extent.horizon >= w->durable_horizon);
    bool failed = w->disk != NULL && simdisk_has_failed(w->disk); /* then the mark may not have been read */
    CHECK(w, extent.aggregates_from >= w->aggregates_from || failed);
    size_t first = world_ordinal_at(w, extent.aggregates_from);
    CHECK(w, first == w->n ? extent.aggregates_from >= extent.end
                           : w->records[first].offset == extent.aggregates_from || failed);
    CHECK(w, extent.first_record == world_ordinal_at(w, extent.horizon));
    CHECK(w, extent.horizon == (extent.first_record < w->n ? w->records[extent.first_record].offset : extent.end));
    if (w->n > 0 && !kfs_seq_is_none(&w->records[w->n - 1].seq)) {
        CHECK(w, extent.last_arrival_ms >= w->records[w->n - 1].arrival_ms);
        CHECK(w, kfs_seq_cmp(&extent.last, &w->records[w->n - 1].seq) >= 0);
    }
}

static uint64_t horizon_of(struct world *w)
{
    struct kfs_log_extent extent;

    kfs_log_extent(w->log, &extent);
    return extent.horizon;
}

void world_check(struct world *w)
{
    struct kfs_limit limit = {10000, 10U << 20};
    struct kfs_log_reader *reader;

    check_extent(w);
    CHECK(w, kfs_log_reader_open(w->log, &reader) == 0);
    check_records(w, reader, horizon_of(w), &limit);
    check_bytes(w, reader, horizon_of(w), READ_BYTES_MAX);
    kfs_log_reader_close(reader);
}

/* ---- positions ---- */

static bool is_before(const struct world_record *r, const struct kfs_position *p, size_t ordinal, size_t n)
{
    switch (p->type) {
    case KFS_AT_HORIZON:
        return false;
    case KFS_AT_LATEST:
        return true;
    case KFS_AT_SEQUENCE:
        return kfs_seq_cmp(&r->seq, &p->seq) < 0;
    case KFS_AFTER_SEQUENCE:
        return kfs_seq_cmp(&r->seq, &p->seq) <= 0;
    case KFS_AT_TIME:
        return r->arrival_ms < p->time_ms;
    case KFS_AT_OFFSET:
        return r->offset < p->offset;
    case KFS_LAST_RECORDS:
        return ordinal + p->count < n;
    }
    return false;
}

static uint64_t expected(const struct world *w, const struct kfs_position *p, uint64_t horizon)
{
    for (size_t i = world_ordinal_at(w, horizon); i < w->n; i++) {
        if (!is_before(&w->records[i], p, i, w->n))
            return w->records[i].offset;
    }
    return world_end(w);
}

static struct kfs_position random_position(struct world *w)
{
    struct kfs_position p = {.type = (enum kfs_position_type)below(w, KFS_LAST_RECORDS + 1)};

    p.count = below(w, w->n + 3);
    p.offset = below(w, world_end(w) + 3);
    p.time_ms = w->now_ms;
    if (w->n > 0) {
        const struct world_record *r = &w->records[below(w, w->n)];
        p.seq = r->seq;
        p.time_ms = r->arrival_ms + below(w, 3) - 1;
        if (below(w, 2) == 0)
            p.offset = r->offset;
    }
    if (below(w, 8) == 0)
        memset(p.seq.b, below(w, 2) == 0 ? 0 : 0xff, sizeof p.seq.b);
    return p;
}

void world_check_positions(struct world *w, size_t rounds)
{
    struct kfs_log_reader *reader;
    uint64_t offset;

    CHECK(w, kfs_log_reader_open(w->log, &reader) == 0);
    for (size_t i = 0; i < rounds; i++) {
        struct kfs_position p = random_position(w);
        struct kfs_limit limit = {1 + (size_t)below(w, 20), 1 + (size_t)below(w, 5000)};
        uint64_t horizon = horizon_of(w);
        CHECK(w, kfs_log_locate(reader, &p, &offset, &w->err) == 0);
        CHECK(w, offset == expected(w, &p, horizon));
        switch (below(w, 4)) {
        case 0:
            check_records(w, reader, offset, &limit);
            break;
        case 1:
            check_bytes(w, reader, horizon + below(w, world_end(w) - horizon + 1), 1 + (size_t)below(w, 100000));
            break;
        case 2:
            check_records(w, reader, horizon + below(w, world_end(w) - horizon + 1), &limit);
            break;
        default:
            break;
        }
    }
    kfs_log_reader_close(reader);
}

/* ---- after a crash ---- */

/* Numbers that the model did not learn, since the append did not return. */
static void learn(struct world *w, uint64_t horizon)
{
    struct kfs_limit limit = {10000, 10U << 20};
    struct kfs_log_reader *reader;
    struct kfs_batch batch;

    kfs_batch_init(&batch);
    CHECK(w, kfs_log_reader_open(w->log, &reader) == 0);
    for (uint64_t at = horizon; at < world_end(w); at = batch.next) {
        CHECK(w, kfs_log_read(reader, at, &limit, &batch, &w->err) == 0);
        for (size_t i = 0; i < batch.n; i++) {
            struct world_record *r = &w->records[world_ordinal_at(w, batch.records[i].offset)];
            CHECK(w, r != w->records + w->n);
            if (kfs_seq_is_none(&r->seq)) {
                CHECK(w, kfs_seq_cmp(&batch.records[i].seq, &w->highest) > 0);
                r->seq = w->highest = batch.records[i].seq;
                r->arrival_ms = batch.records[i].arrival_ms;
            }
        }
        CHECK(w, batch.next > at);
    }
    kfs_log_reader_close(reader);
    kfs_batch_release(&batch);
}

void world_adopt(struct world *w, size_t least)
{
    struct kfs_log_extent extent;

    kfs_log_extent(w->log, &extent);
    CHECK(w, extent.next_record <= w->n);
    CHECK(w, extent.next_record >= least);
    w->n = (size_t)extent.next_record;
    w->acked = w->n;
    w->synced = w->n < w->synced ? w->n : w->synced;
    CHECK(w, extent.end == world_end(w));
    world_check(w);
    learn(w, extent.horizon);
    w->horizon = extent.horizon;
}
