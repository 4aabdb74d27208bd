/* Contract: retention and the horizon. A subject that removes records late
 * (exact_horizon false) may keep more, never less. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/contract_case.h"

static void assert_horizon(struct contract_case *c, struct kfs_stream *s, uint64_t start, uint64_t first_record)
{
    struct kfs_extent extent = extent_of(s, 0);

    if (c->subject->exact_horizon) {
        assert_int_equal(extent.start, start);
        assert_int_equal(extent.first_record, first_record);
    } else {
        assert_true(extent.start <= start);
        assert_true(extent.first_record <= first_record);
    }
}

/* What positions and reads say about the horizon while it stood still. */
struct seen {
    struct kfs_extent extent;
    uint64_t positions[KFS_LAST_RECORDS + 1];
    int rc;          /* of a read at the horizon */
    size_t n;        /* the records that it gave */
    uint64_t offset; /* of the first */
};

static void look(struct contract_case *c, struct kfs_stream *s, struct kfs_reader *reader, struct seen *seen)
{
    struct kfs_limit limit = {1, 100};
    struct kfs_batch batch;

    kfs_batch_init(&batch);
    do {
        seen->extent = extent_of(s, 0);
        for (int type = KFS_AT_HORIZON; type <= KFS_LAST_RECORDS; type++) {
            struct kfs_position position = {.type = (enum kfs_position_type)type, .count = UINT64_MAX};
            position.seq = shard_of(s, 0).starting;
            seen->positions[type] = locate(reader, &position);
        }
        seen->rc = kfs_read(reader, seen->extent.start, &limit, &batch, &c->err);
        seen->n = batch.n;
        seen->offset = batch.n > 0 ? batch.records[0].offset : 0;
        /* A subject that removes late may do so at any time. */
    } while (extent_of(s, 0).start != seen->extent.start);
    kfs_batch_release(&batch);
}

/* What must hold wherever the horizon is. */
static void assert_reads_start_there(struct contract_case *c, struct kfs_stream *s)
{
    struct kfs_reader *reader = case_reader(c, s, 0);
    struct kfs_limit limit = {1, 100};
    struct kfs_batch batch;
    struct seen seen;
    char bytes[2] = "uu";
    int rc;

    look(c, s, reader, &seen);
    for (int type = KFS_AT_HORIZON; type <= KFS_LAST_RECORDS; type++)
        assert_int_equal(seen.positions[type], type == KFS_AT_LATEST ? seen.extent.end : seen.extent.start);
    assert_int_equal(seen.rc, 0);
    assert_int_equal(seen.n, seen.extent.start < seen.extent.end ? 1 : 0);
    if (seen.n > 0)
        assert_int_equal(seen.offset, seen.extent.start);
    if (seen.extent.start == 0)
        return;
    kfs_batch_init(&batch);
    rc = kfs_read(reader, 0, &limit, &batch, &c->err);
    /* Below the horizon a late subject may still have what was there, or all of it is stale. */
    if (rc == 0 && !c->subject->exact_horizon) {
        assert_int_equal(batch.n, 1);
        assert_int_equal(batch.records[0].offset, 0);
        assert_int_equal(kfs_read_bytes(reader, seen.extent.start - 1, bytes, 1, &c->err), 1);
        assert_int_equal(bytes[0], '\n');
    } else {
        assert_failed(c, rc, ESTALE);
        assert_int_equal(batch.n, 0);
        assert_failed(c, (int)kfs_read_bytes(reader, 0, bytes, 2, &c->err), ESTALE);
        assert_memory_equal(bytes, "uu", 2);
    }
    if (c->subject->exact_horizon) {
        assert_failed(c, kfs_read(reader, seen.extent.start - 1, &limit, &batch, &c->err), ESTALE);
        assert_failed(c, (int)kfs_read_bytes(reader, seen.extent.start - 1, bytes, 2, &c->err), ESTALE);
        assert_memory_equal(bytes, "uu", 2);
    }
    kfs_batch_release(&batch);
}

static void records_within_retention_are_kept(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);

    put_text(s, 0, "old");
    clock_advance(c, 12 * HOUR_MS);
    put_text(s, 0, "new");
    clock_advance(c, 12 * HOUR_MS);
    put_text(s, 0, "last");
    assert_horizon(c, s, 0, 0);
    assert_int_equal(extent_of(s, 0).start, 0);
    assert_reads_start_there(c, s);
}

static void older_records_are_removed(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);

    put_text(s, 0, "old");
    clock_advance(c, 12 * HOUR_MS);
    put_text(s, 0, "new");
    clock_advance(c, 12 * HOUR_MS + 1);
    assert_horizon(c, s, 4, 1);
    assert_reads_start_there(c, s);
    put_text(s, 0, "last");
    assert_horizon(c, s, 4, 1);
    assert_reads_start_there(c, s);
    assert_int_equal(extent_of(s, 0).next_record, 3);
}

static void everything_may_be_removed(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_seq last = put_text(s, 0, "gone");
    uint64_t arrival = clock_now(c);
    struct kfs_seq next;

    clock_advance(c, 100 * HOUR_MS);
    assert_horizon(c, s, 5, 1);
    assert_reads_start_there(c, s);
    assert_last(s, 0, &last);
    assert_int_equal(extent_of(s, 0).last_arrival_ms, arrival);
    next = put_text(s, 0, "first again");
    assert_seq_below(&last, &next);
    assert_int_equal(extent_of(s, 0).next_record, 2);
    assert_int_equal(extent_of(s, 0).end, 17);
    assert_horizon(c, s, 5, 1);
    assert_reads_start_there(c, s);
}

static void the_horizon_only_moves_forward(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_stream_change longer = {.retention_hours = KFS_RETENTION_HOURS_MAX};
    uint64_t start;

    put_text(s, 0, "old");
    clock_advance(c, 30 * HOUR_MS);
    put_text(s, 0, "new");
    assert_horizon(c, s, 4, 1);
    start = extent_of(s, 0).start;
    assert_int_equal(kfs_stream_update(s, &longer, &c->err), 0);
    assert_true(extent_of(s, 0).start >= start);
    assert_horizon(c, s, 4, 1);
    start = extent_of(s, 0).start;
    clock_step_back(c, 40 * HOUR_MS);
    assert_true(extent_of(s, 0).start >= start);
    if (c->subject->reopen != NULL) {
        case_reopen(c);
        s = case_open(c, "s");
        assert_true(extent_of(s, 0).start >= start);
    }
    assert_reads_start_there(c, s);
}

/* The data that retention has removed stays removed even where its bytes are
 * still there, once the longer retention has returned. */
static void a_longer_retention_brings_nothing_back(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_stream_change longer = {.retention_hours = 100};

    put_text(s, 0, "old");
    clock_advance(c, 30 * HOUR_MS);
    put_text(s, 0, "new");
    assert_int_equal(kfs_stream_update(s, &longer, &c->err), 0);
    assert_int_equal(extent_of(s, 0).start, 4);
    assert_int_equal(extent_of(s, 0).first_record, 1);
    if (c->subject->reopen != NULL) {
        case_reopen(c);
        s = case_open(c, "s");
    }
    assert_int_equal(extent_of(s, 0).start, 4);
    assert_reads_start_there(c, s);
}

static void a_shorter_retention_removes(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream_spec spec = {.shards = 1, .retention_hours = 100};
    struct kfs_stream_change shorter = {.retention_hours = 24};
    struct kfs_stream *s;

    assert_int_equal(kfs_stream_create(c->b, "s", &spec, &c->err), 0);
    s = case_open(c, "s");
    put_text(s, 0, "old");
    clock_advance(c, 30 * HOUR_MS);
    put_text(s, 0, "new");
    assert_int_equal(extent_of(s, 0).start, 0);
    assert_int_equal(kfs_stream_update(s, &shorter, &c->err), 0);
    assert_horizon(c, s, 4, 1);
    assert_reads_start_there(c, s);
}

/* One that was open when the horizon passed it is told, and can go on from there. */
static void a_reader_that_fell_behind_is_told(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_reader *reader = case_reader(c, s, 0);
    struct kfs_limit limit = {1, 100};
    struct kfs_position horizon = {.type = KFS_AT_HORIZON};
    struct kfs_batch batch;
    uint64_t at;
    int rc;

    kfs_batch_init(&batch);
    put_text(s, 0, "one");
    put_text(s, 0, "two");
    put_text(s, 0, "three");
    assert_int_equal(kfs_read(reader, 0, &limit, &batch, &c->err), 0);
    clock_advance(c, 30 * HOUR_MS);
    put_text(s, 0, "four");
    at = locate(reader, &horizon);
    rc = kfs_read(reader, batch.next, &limit, &batch, &c->err);
    if (at > 4 && c->subject->exact_horizon)
        assert_failed(c, rc, ESTALE);
    if (c->subject->exact_horizon)
        assert_int_equal(at, 14);
    kfs_batch_release(&batch);
    assert_reads_start_there(c, s);
}

static void many_records_expire_little_by_little(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    uint64_t start = 0;

    for (uint64_t i = 0; i < 60; i++) {
        put_many(s, 0, 20, 999);
        assert_horizon(c, s, i <= 24 ? 0 : (i - 24) * 20000, i <= 24 ? 0 : (i - 24) * 20);
        struct kfs_extent extent = extent_of(s, 0); /* once: a backend may trim meanwhile */
        assert_true(extent.start >= start);
        start = extent.start;
        assert_int_equal(start % 1000, 0);
        assert_int_equal(extent.first_record, start / 1000);
        if (i % 20 == 19)
            assert_reads_start_there(c, s);
        clock_advance(c, HOUR_MS);
    }
}

/* A closed shard goes when its last possible record is too old; its index is not used again. */
static void closed_shards_expire(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_shard_info info;
    struct kfs_shard_info *shards = NULL;
    size_t n = 0;

    put_text(s, 0, "x");
    assert_int_equal(kfs_shard_split(s, 0, 1000, &c->err), 0);
    clock_advance(c, 24 * HOUR_MS);
    assert_true(shard_of(s, 0).closed);
    clock_advance(c, 1);
    assert_int_equal(kfs_shard_list(s, &shards, &n, &c->err), 0);
    assert_int_equal(shards[n - 1].index, 2);
    assert_int_equal(shards[n - 1].parent, 0);
    free(shards);
    if (c->subject->exact_horizon) {
        assert_int_equal(n, 2);
        assert_failed(c, kfs_shard_info(s, 0, &info, &c->err), ENOENT);
    }
    assert_int_equal(kfs_shard_merge(s, 1, 2, &c->err), 0);
    assert_int_equal(shard_of(s, 3).parent, 1);
    clock_advance(c, 25 * HOUR_MS);
    assert_int_equal(kfs_stream_resize(s, 2, &c->err), 0);
    assert_int_equal(shard_of(s, 4).parent, 3);
    assert_int_equal(info_of(s).open_shards, 2);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(records_within_retention_are_kept),
    cmocka_unit_test(older_records_are_removed),
    cmocka_unit_test(everything_may_be_removed),
    cmocka_unit_test(the_horizon_only_moves_forward),
    cmocka_unit_test(a_longer_retention_brings_nothing_back),
    cmocka_unit_test(a_shorter_retention_removes),
    cmocka_unit_test(a_reader_that_fell_behind_is_told),
    cmocka_unit_test(many_records_expire_little_by_little),
    cmocka_unit_test(closed_shards_expire),
};

CONTRACT_GROUP(contract_retention, tests);
