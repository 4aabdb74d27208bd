/* Contract: what a position means. */
#include <stdint.h>

#include "tests/support/contract_case.h"

#define N 10

/* Ten records "rec-0".."rec-9", 6 bytes each in the default view, 100 ms apart, two at a time:
 * 0 and 1 arrive together, 2 and 3 100 ms later, and so on. */
struct ten {
    struct kfs_stream *s;
    struct kfs_reader *reader;
    struct kfs_seq seq[N];
    uint64_t arrival[N];
};

static void make_ten(struct contract_case *c, struct ten *ten)
{
    char text[] = "rec-0";

    ten->s = case_create(c, "s", 1);
    ten->reader = case_reader(c, ten->s, 0);
    clock_advance(c, 1000);
    for (size_t i = 0; i < N; i++) {
        text[4] = (char)('0' + i);
        ten->seq[i] = put_text(ten->s, 0, text);
        ten->arrival[i] = clock_now(c);
        if (i % 2 == 1)
            clock_advance(c, 100);
    }
}

/* The number one above or below: between records, as theirs differ by more. */
static struct kfs_seq seq_step(struct kfs_seq seq, int step)
{
    size_t i = KFS_SEQ_BYTES;

    while (i-- > 0) {
        seq.b[i] = (uint8_t)(seq.b[i] + step);
        if (seq.b[i] != (step > 0 ? 0 : 0xff))
            break;
    }
    return seq;
}

static uint64_t at_seq(const struct ten *ten, enum kfs_position_type type, struct kfs_seq seq)
{
    struct kfs_position position = {.type = type, .seq = seq};
    return locate(ten->reader, &position);
}

static void horizon_and_latest(void **state)
{
    struct contract_case *c = *state;
    struct ten ten;
    struct kfs_position horizon = {.type = KFS_AT_HORIZON};
    struct kfs_position latest = {.type = KFS_AT_LATEST};

    make_ten(c, &ten);
    assert_int_equal(locate(ten.reader, &horizon), 0);
    assert_int_equal(locate(ten.reader, &latest), 60);
    put_text(ten.s, 0, "more");
    assert_int_equal(locate(ten.reader, &latest), 65);
}

static void in_an_empty_shard_all_positions_are_zero(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_reader *reader = case_reader(c, s, 0);

    for (int type = KFS_AT_HORIZON; type <= KFS_LAST_RECORDS; type++) {
        struct kfs_position position = {.type = (enum kfs_position_type)type};
        assert_int_equal(locate(reader, &position), 0);
        position.time_ms = position.offset = position.count = 5;
        position.seq = shard_of(s, 0).starting;
        assert_int_equal(locate(reader, &position), 0);
    }
}

static void numbers_of_records(void **state)
{
    struct contract_case *c = *state;
    struct ten ten;

    make_ten(c, &ten);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(at_seq(&ten, KFS_AT_SEQUENCE, ten.seq[i]), 6 * i);
        assert_int_equal(at_seq(&ten, KFS_AFTER_SEQUENCE, ten.seq[i]), 6 * (i + 1));
    }
}

static void numbers_between_records(void **state)
{
    struct contract_case *c = *state;
    struct ten ten;

    make_ten(c, &ten);
    for (size_t i = 0; i < N; i++) {
        struct kfs_seq above = seq_step(ten.seq[i], 1);
        struct kfs_seq below = seq_step(ten.seq[i], -1);
        if (i + 1 < N && kfs_seq_cmp(&above, &ten.seq[i + 1]) >= 0)
            continue; /* a backend whose numbers are dense */
        assert_int_equal(at_seq(&ten, KFS_AT_SEQUENCE, above), 6 * (i + 1));
        assert_int_equal(at_seq(&ten, KFS_AFTER_SEQUENCE, above), 6 * (i + 1));
        if (i > 0 && kfs_seq_cmp(&below, &ten.seq[i - 1]) <= 0)
            continue;
        assert_int_equal(at_seq(&ten, KFS_AT_SEQUENCE, below), 6 * i);
        assert_int_equal(at_seq(&ten, KFS_AFTER_SEQUENCE, below), 6 * i);
    }
}

static void numbers_outside(void **state)
{
    struct contract_case *c = *state;
    struct ten ten;
    struct kfs_seq none = {{0}};
    struct kfs_seq highest;

    for (size_t i = 0; i < KFS_SEQ_BYTES; i++)
        highest.b[i] = 0xff;
    make_ten(c, &ten);
    assert_int_equal(at_seq(&ten, KFS_AT_SEQUENCE, none), 0);
    assert_int_equal(at_seq(&ten, KFS_AFTER_SEQUENCE, none), 0);
    assert_int_equal(at_seq(&ten, KFS_AT_SEQUENCE, shard_of(ten.s, 0).starting), 0);
    assert_int_equal(at_seq(&ten, KFS_AFTER_SEQUENCE, shard_of(ten.s, 0).starting), 0);
    assert_int_equal(at_seq(&ten, KFS_AT_SEQUENCE, highest), 60);
    assert_int_equal(at_seq(&ten, KFS_AFTER_SEQUENCE, highest), 60);
    assert_int_equal(kfs_shard_split(ten.s, 0, 1000, &c->err), 0);
    assert_int_equal(at_seq(&ten, KFS_AT_SEQUENCE, shard_of(ten.s, 0).ending), 60);
    assert_int_equal(at_seq(&ten, KFS_AFTER_SEQUENCE, shard_of(ten.s, 0).ending), 60);
}

static void times(void **state)
{
    struct contract_case *c = *state;
    struct ten ten;
    struct kfs_position position = {.type = KFS_AT_TIME};

    make_ten(c, &ten);
    for (size_t i = 0; i < N; i += 2) {
        position.time_ms = ten.arrival[i];
        assert_int_equal(locate(ten.reader, &position), 6 * i);
        position.time_ms = ten.arrival[i] + 1;
        assert_int_equal(locate(ten.reader, &position), 6 * (i + 2));
        position.time_ms = ten.arrival[i] - 1;
        assert_int_equal(locate(ten.reader, &position), 6 * i);
    }
    position.time_ms = 0;
    assert_int_equal(locate(ten.reader, &position), 0);
    position.time_ms = clock_now(c) + 1000000;
    assert_int_equal(locate(ten.reader, &position), 60);
    position.time_ms = UINT64_MAX;
    assert_int_equal(locate(ten.reader, &position), 60);
}

static void offsets(void **state)
{
    struct contract_case *c = *state;
    struct ten ten;
    struct kfs_position position = {.type = KFS_AT_OFFSET};

    make_ten(c, &ten);
    for (position.offset = 0; position.offset <= 60; position.offset++)
        assert_int_equal(locate(ten.reader, &position), (position.offset + 5) / 6 * 6);
    position.offset = 61;
    assert_int_equal(locate(ten.reader, &position), 60);
    position.offset = UINT64_MAX;
    assert_int_equal(locate(ten.reader, &position), 60);
}

static void last_records(void **state)
{
    struct contract_case *c = *state;
    struct ten ten;
    struct kfs_position position = {.type = KFS_LAST_RECORDS};

    make_ten(c, &ten);
    for (position.count = 0; position.count <= N; position.count++)
        assert_int_equal(locate(ten.reader, &position), 60 - 6 * position.count);
    position.count = N + 1;
    assert_int_equal(locate(ten.reader, &position), 0);
    position.count = UINT64_MAX;
    assert_int_equal(locate(ten.reader, &position), 0);
}

/* Thousands of records: indexes that only know every so many must agree. */
static void positions_among_many_records(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_reader *reader = case_reader(c, s, 0);
    struct kfs_batch all;
    uint64_t seed = 3;

    for (int i = 0; i < 30; i++) {
        put_many(s, 0, 1 + random_below(&seed, 100), random_below(&seed, 200));
        clock_advance(c, random_below(&seed, 3));
    }
    read_all(c, s, 0, 1000, &all);
    for (size_t i = 0; i < all.n; i += 1 + random_below(&seed, 40)) {
        const struct kfs_record *r = &all.records[i];
        struct kfs_position position = {
            .seq = r->seq, .time_ms = r->arrival_ms, .offset = r->offset, .count = all.n - i};
        size_t first = i;
        while (first > 0 && all.records[first - 1].arrival_ms == r->arrival_ms)
            first--;
        position.type = KFS_AT_SEQUENCE;
        assert_int_equal(locate(reader, &position), r->offset);
        position.type = KFS_AFTER_SEQUENCE;
        assert_int_equal(locate(reader, &position), r->offset + r->data.len + 1);
        position.type = KFS_AT_TIME;
        assert_int_equal(locate(reader, &position), all.records[first].offset);
        position.type = KFS_AT_OFFSET;
        assert_int_equal(locate(reader, &position), r->offset);
        position.type = KFS_LAST_RECORDS;
        assert_int_equal(locate(reader, &position), r->offset);
    }
    kfs_batch_release(&all);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(horizon_and_latest),
    cmocka_unit_test(in_an_empty_shard_all_positions_are_zero),
    cmocka_unit_test(numbers_of_records),
    cmocka_unit_test(numbers_between_records),
    cmocka_unit_test(numbers_outside),
    cmocka_unit_test(times),
    cmocka_unit_test(offsets),
    cmocka_unit_test(last_records),
    cmocka_unit_test(positions_among_many_records),
};

CONTRACT_GROUP(contract_locate, tests);
