/* Contract: reading records, and the bytes of the default view. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/contract_case.h"

/* kfs_read with err and success asserted. */
static void read_some(struct contract_case *c, struct kfs_reader *reader, uint64_t offset, struct kfs_limit limit,
                      struct kfs_batch *batch)
{
    assert_int_equal(kfs_read(reader, offset, &limit, batch, &c->err), 0);
}

static void read_goes_on_from_next(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_reader *reader = case_reader(c, s, 0);
    struct kfs_limit two = {2, 1000};
    struct kfs_batch batch;

    kfs_batch_init(&batch);
    put_text(s, 0, "one");
    put_text(s, 0, "");
    put_text(s, 0, "three");
    read_some(c, reader, 0, two, &batch);
    assert_int_equal(batch.n, 2);
    assert_data(&batch.records[0], "one");
    assert_data(&batch.records[1], "");
    assert_int_equal(batch.records[1].offset, 4);
    assert_int_equal(batch.next, 5);
    assert_int_equal(batch.tip, 11);
    read_some(c, reader, batch.next, two, &batch);
    assert_int_equal(batch.n, 1);
    assert_data(&batch.records[0], "three");
    assert_int_equal(batch.next, 11);
    read_some(c, reader, batch.next, two, &batch);
    assert_int_equal(batch.n, 0);
    assert_int_equal(batch.next, 11);
    assert_int_equal(batch.tip, 11);
    put_text(s, 0, "four");
    read_some(c, reader, batch.next, two, &batch);
    assert_int_equal(batch.n, 1);
    assert_data(&batch.records[0], "four");
    assert_int_equal(batch.tip, 16);
    kfs_batch_release(&batch);
}

static void read_of_an_empty_shard(void **state)
{
    struct contract_case *c = *state;
    struct kfs_reader *reader = case_reader(c, case_create(c, "s", 1), 0);
    struct kfs_batch batch;
    char byte;

    kfs_batch_init(&batch);
    read_some(c, reader, 0, (struct kfs_limit){10, 1000}, &batch);
    assert_int_equal(batch.n, 0);
    assert_int_equal(batch.next, 0);
    assert_int_equal(batch.tip, 0);
    assert_int_equal(kfs_read_bytes(reader, 0, &byte, 1, &c->err), 0);
    kfs_batch_release(&batch);
}

static void read_from_inside_a_record_gives_the_next(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_reader *reader = case_reader(c, s, 0);
    struct kfs_batch batch;

    kfs_batch_init(&batch);
    put_text(s, 0, "first");
    put_text(s, 0, "second");
    for (uint64_t offset = 1; offset <= 6; offset++) {
        read_some(c, reader, offset, (struct kfs_limit){10, 1000}, &batch);
        assert_int_equal(batch.n, 1);
        assert_data(&batch.records[0], "second");
    }
    /* Inside the last one: the next is the tip's. */
    for (uint64_t offset = 7; offset <= 13; offset++) {
        read_some(c, reader, offset, (struct kfs_limit){10, 1000}, &batch);
        assert_int_equal(batch.n, 0);
        assert_int_equal(batch.next, 13);
    }
    kfs_batch_release(&batch);
}

static void read_beyond_the_tip_gives_nothing(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_reader *reader = case_reader(c, s, 0);
    struct kfs_batch batch;
    char byte = 'u';

    kfs_batch_init(&batch);
    put_text(s, 0, "one");
    read_some(c, reader, 8, (struct kfs_limit){10, 1000}, &batch);
    assert_int_equal(batch.n, 0);
    assert_int_equal(batch.next, 8);
    assert_int_equal(batch.tip, 4);
    read_some(c, reader, UINT64_MAX / 2, (struct kfs_limit){10, 1000}, &batch);
    assert_int_equal(batch.n, 0);
    assert_int_equal(kfs_read_bytes(reader, 4, &byte, 1, &c->err), 0);
    assert_int_equal(kfs_read_bytes(reader, 5, &byte, 1, &c->err), 0);
    assert_int_equal(kfs_read_bytes(reader, UINT64_MAX / 2, &byte, 1, &c->err), 0);
    assert_int_equal(byte, 'u');
    put_text(s, 0, "two");
    put_text(s, 0, "three");
    read_some(c, reader, 6, (struct kfs_limit){10, 1000}, &batch);
    assert_int_equal(batch.n, 1);
    assert_data(&batch.records[0], "three");
    kfs_batch_release(&batch);
}

static void record_limit(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_reader *reader = case_reader(c, s, 0);
    struct kfs_batch batch;

    kfs_batch_init(&batch);
    put_many(s, 0, 50, 20);
    for (size_t records = 1; records <= 50; records += 7) {
        read_some(c, reader, 0, (struct kfs_limit){records, 1U << 20}, &batch);
        assert_int_equal(batch.n, records);
        assert_int_equal(batch.next, 21 * records);
    }
    read_some(c, reader, 0, (struct kfs_limit){10000, 1U << 20}, &batch);
    assert_int_equal(batch.n, 50);
    kfs_batch_release(&batch);
}

static void byte_limit_counts_data(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_reader *reader = case_reader(c, s, 0);
    struct kfs_batch batch;
    static const size_t expected[][2] = {{0, 1}, {1, 1}, {9, 1}, {10, 1}, {19, 1}, {20, 2}, {29, 2}, {30, 3}, {35, 3}};

    kfs_batch_init(&batch);
    put_many(s, 0, 10, 10);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        read_some(c, reader, 0, (struct kfs_limit){10000, expected[i][0]}, &batch);
        assert_int_equal(batch.n, expected[i][1]);
        assert_int_equal(batch.next, 11 * expected[i][1]);
    }
    read_some(c, reader, 0, (struct kfs_limit){10000, SIZE_MAX}, &batch);
    assert_int_equal(batch.n, 10);
    kfs_batch_release(&batch);
}

/* Empty records weigh nothing. */
static void byte_limit_with_empty_records(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_reader *reader = case_reader(c, s, 0);
    struct kfs_batch batch;

    kfs_batch_init(&batch);
    put_text(s, 0, "");
    put_text(s, 0, "");
    put_text(s, 0, "abc");
    put_text(s, 0, "");
    read_some(c, reader, 0, (struct kfs_limit){10, 0}, &batch);
    assert_int_equal(batch.n, 2);
    read_some(c, reader, 0, (struct kfs_limit){10, 2}, &batch);
    assert_int_equal(batch.n, 2);
    read_some(c, reader, 0, (struct kfs_limit){10, 3}, &batch);
    assert_int_equal(batch.n, 4);
    kfs_batch_release(&batch);
}

/* The largest answer there can be: 10,000 records with the longest keys, and
 * records of 10 MiB, of which one at a time fits. */
static void the_largest_batches(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream_spec spec = {.shards = 1, .max_record_bytes = KFS_RECORD_BYTES_MAX};
    struct kfs_stream *s;
    struct kfs_reader *reader;
    struct kfs_batch batch;
    size_t n = 10001;
    struct kfs_put *puts = calloc(n, sizeof *puts);
    char *big = calloc(1, KFS_RECORD_BYTES_MAX);
    char key[KFS_PARTITION_KEY_BYTES_MAX];
    const size_t most = KFS_RECORD_BYTES_MAX - (c->subject->key_counts ? sizeof key : 0);

    assert_non_null(puts);
    assert_non_null(big);
    for (size_t i = 0; i < sizeof key; i += 4)
        memcpy(key + i, "\xf0\x9f\xa6\x86", 4);
    for (size_t i = 0; i < n; i++)
        puts[i] = (struct kfs_put){.data = {big, i == 0 || i == n - 1 ? most : 1}, .key = {key, sizeof key}};
    assert_int_equal(kfs_stream_create(c->b, "s", &spec, &c->err), 0);
    s = case_open(c, "s");
    assert_int_equal(append_seen(s, 0, puts, n, NULL, &c->err), 0);
    /* One catching up takes five seconds at most; 30 MB may take longer under a sanitizer. */
    for (int i = 0; i < 10 && extent_of(s, 0).next_record < n; i++)
        continue;
    reader = case_reader(c, s, 0);
    kfs_batch_init(&batch);
    read_some(c, reader, 0, (struct kfs_limit){10000, most}, &batch);
    assert_int_equal(batch.n, 1);
    assert_int_equal(batch.records[0].data.len, most);
    read_some(c, reader, batch.next, (struct kfs_limit){10000, 10U << 20}, &batch);
    assert_int_equal(batch.n, n - 2);
    assert_bytes(batch.records[n - 3].key, (struct kfs_bytes){key, sizeof key});
    read_some(c, reader, batch.next, (struct kfs_limit){10000, 10U << 20}, &batch);
    assert_int_equal(batch.n, 1);
    assert_bytes(batch.records[0].data, (struct kfs_bytes){big, most});
    kfs_batch_release(&batch);
    free(puts);
    free(big);
}

static void readers_do_not_disturb_each_other(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);
    struct kfs_reader *forward = case_reader(c, s, 0);
    struct kfs_reader *backward = case_reader(c, s, 0);
    struct kfs_reader *other = case_reader(c, s, 1);
    struct kfs_batch batch;
    char byte;

    kfs_batch_init(&batch);
    put_many(s, 0, 100, 9);
    put_text(s, 1, "other");
    for (size_t i = 0; i < 100; i++) {
        char expected[16];
        read_some(c, forward, 10 * i, (struct kfs_limit){1, 100}, &batch);
        (void)snprintf(expected, sizeof expected, "%08zux", i);
        assert_data(&batch.records[0], expected);
        read_some(c, backward, 10 * (99 - i), (struct kfs_limit){1, 100}, &batch);
        (void)snprintf(expected, sizeof expected, "%08zux", 99 - i);
        assert_data(&batch.records[0], expected);
        assert_int_equal(kfs_read_bytes(other, 1, &byte, 1, &c->err), 1);
        assert_int_equal(byte, 't');
    }
    kfs_batch_release(&batch);
}

/* ---- bytes ---- */

/* Records of lengths that are 0, 1, around a page, and large; their default view. */
static char *make_view(struct contract_case *c, struct kfs_stream *s, size_t *len)
{
    static const size_t lengths[] = {0,    1, 5,     0, 0,  4095, 4096, 4097,  10, 100,  3,  70000,
                                     8191, 0, 65535, 2, 30, 128,  255,  16383, 0,  1000, 77, 200000};
    uint64_t seed = 11;
    char *view = malloc(1U << 20);
    size_t at = 0;

    assert_non_null(view);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct kfs_put put = {.data = {view + at, lengths[i]}, .key = bytes_of("k"), .newline_follows = i % 2 == 0};
        random_fill(&seed, view + at, lengths[i]);
        view[at + lengths[i]] = '\n';
        assert_int_equal(append_seen(s, 0, &put, 1, NULL, &c->err), 0);
        at += lengths[i] + 1;
    }
    *len = at;
    return view;
}

static void bytes_at_any_offset_and_length(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_reader *reader = case_reader(c, s, 0);
    size_t len = 0;
    char *view = make_view(c, s, &len);
    char *got = malloc(len + 100);
    uint64_t seed = 5;

    assert_non_null(got);
    assert_int_equal(extent_of(s, 0).end, len);
    assert_int_equal(kfs_read_bytes(reader, 0, got, len + 100, &c->err), len);
    assert_memory_equal(got, view, len);
    assert_int_equal(kfs_read_bytes(reader, 0, got, 0, &c->err), 0);
    for (int i = 0; i < 300; i++) {
        size_t offset = random_below(&seed, len + 1);
        size_t want = random_below(&seed, i % 3 == 0 ? 200000 : 300);
        size_t expected = want < len - offset ? want : len - offset;
        memset(got, 0, want);
        assert_int_equal(kfs_read_bytes(reader, offset, got, want, &c->err), expected);
        assert_memory_equal(got, view + offset, expected);
    }
    free(got);
    free(view);
}

/* As cat does it: forward, in pieces that fit no record. */
static void bytes_in_pieces(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_reader *reader = case_reader(c, s, 0);
    size_t len = 0;
    char *view = make_view(c, s, &len);
    char piece[4099];
    size_t at = 0;

    for (;;) {
        ssize_t got = kfs_read_bytes(reader, at, piece, sizeof piece, &c->err);
        assert_true(got >= 0);
        if (got == 0)
            break;
        assert_memory_equal(piece, view + at, (size_t)got);
        at += (size_t)got;
    }
    assert_int_equal(at, len);
    free(view);
}

static void records_and_bytes_agree(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_reader *reader = case_reader(c, s, 0);
    size_t len = 0;
    char *view = make_view(c, s, &len);
    struct kfs_batch all;
    uint64_t at = 0;

    read_all(c, s, 0, 5, &all);
    for (size_t i = 0; i < all.n; i++) {
        const struct kfs_record *r = &all.records[i];
        char *got = malloc(r->data.len + 1);
        assert_non_null(got);
        assert_int_equal(r->offset, at);
        assert_int_equal(kfs_read_bytes(reader, at, got, r->data.len + 1, &c->err), r->data.len + 1);
        if (r->data.len > 0)
            assert_memory_equal(got, r->data.data, r->data.len);
        assert_int_equal(got[r->data.len], '\n');
        at += r->data.len + 1;
        free(got);
    }
    assert_int_equal(at, len);
    assert_int_equal(extent_of(s, 0).next_record, all.n);
    kfs_batch_release(&all);
    free(view);
}

/* Also where they were given no key. */
static void a_batch_outlives_its_reader(void **state)
{
    const struct kfs_put puts[] = {{.data = bytes_of("one")}, put_of("two", "k"), {.data = bytes_of("three")}};
    const struct kfs_limit all = {10, 1000};
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_reader *reader;
    struct kfs_batch batch;

    kfs_batch_init(&batch);
    assert_int_equal(append_seen(s, 0, puts, 3, NULL, &c->err), 0);
    assert_int_equal(kfs_reader_open(s, 0, &reader, &c->err), 0);
    assert_int_equal(kfs_read(reader, 0, &all, &batch, &c->err), 0);
    kfs_reader_close(reader);
    assert_int_equal(batch.n, 3);
    for (size_t i = 0; i < 3; i++) {
        const char *key = batch.records[i].key.data;
        assert_bytes(batch.records[i].key, bytes_of(i == 1 ? "k" : "shardId-000000000000"));
        assert_true(key >= batch.storage.data && key < batch.storage.data + batch.storage.len);
        assert_bytes(batch.records[i].data, puts[i].data);
    }
    kfs_batch_release(&batch);
}

static void aggregates_are_announced(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_reader *reader = case_reader(c, s, 0);
    char data[64];
    char got[200];
    struct kfs_put puts[3] = {
        put_of("two", "k"), {.data = {data, frame_aggregate(data, "of KPL")}}, put_of("three", "k")};
    const struct kfs_put broken = {.data = {data, puts[1].data.len - 1}};
    struct kfs_batch all;

    put_text(s, 0, "one");
    assert_int_equal(append_seen(s, 0, &broken, 1, NULL, &c->err), 0);
    assert_true(extent_of(s, 0).aggregates_from == UINT64_MAX);
    uint64_t end = extent_of(s, 0).end;
    assert_int_equal(kfs_read_bytes(reader, 0, got, sizeof got, &c->err), end);
    assert_int_equal(append_seen(s, 0, puts, 3, NULL, &c->err), 0);
    assert_int_equal(append_seen(s, 0, puts, 3, NULL, &c->err), 0);
    assert_int_equal(append_seen(s, 0, &broken, 1, NULL, &c->err), 0);
    uint64_t from = extent_of(s, 0).aggregates_from;
    assert_int_equal(from, end + 4);
    assert_int_equal(kfs_read_bytes(reader, 0, got, sizeof got, &c->err), from);
    assert_int_equal(kfs_read_bytes(reader, from - 2, got, sizeof got, &c->err), 2);
    assert_int_equal(kfs_read_bytes(reader, from, got, sizeof got, &c->err), 0);
    read_all(c, s, 0, 2, &all);
    assert_int_equal(all.n, 9);
    for (size_t i = 0; i < all.n; i++)
        assert_int_equal(all.records[i].aggregate, i == 3 || i == 6 || i == 8);
    kfs_batch_release(&all);
}

/* From a record on, whatever the room: whole records, of which none but the last reaches it. */
static void records_as_they_are_stored(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_reader *reader = case_reader(c, s, 0);
    size_t len = 0;
    char *view = make_view(c, s, &len);
    struct kfs_stored stored;
    struct kfs_batch all;
    uint64_t seed = 7;

    read_all(c, s, 0, 5, &all);
    for (int round = 0; round < 300; round++) {
        size_t first = (size_t)random_below(&seed, all.n);
        size_t taken = 0;
        stored.room = 1 + (size_t)random_below(&seed, round % 2 == 0 ? 300 : 100000);
        stored.frame = (size_t)random_below(&seed, 5);
        assert_int_equal(kfs_read_stored(reader, all.records[first].offset, &stored, &c->err), 0);
        assert_int_equal(stored.offset, all.records[first].offset);
        assert_true(stored.n > 0 || all.records[first].data.len + 1 > 1000);
        for (size_t i = 0; i < stored.n; i++) {
            const struct kfs_record *r = &all.records[first + i];
            assert_true(taken < stored.room);
            assert_int_equal(stored.offset + stored.ends[i], r->offset + r->data.len + 1);
            taken += r->data.len + stored.frame;
        }
        if (stored.n > 0)
            assert_memory_equal(stored.bytes, view + stored.offset, stored.ends[stored.n - 1]);
    }
    stored.room = 10;
    assert_int_equal(kfs_read_stored(reader, len, &stored, &c->err), 0);
    assert_int_equal(stored.n, 0);
    kfs_batch_release(&all);
    free(view);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(read_goes_on_from_next),
    cmocka_unit_test(read_of_an_empty_shard),
    cmocka_unit_test(read_from_inside_a_record_gives_the_next),
    cmocka_unit_test(read_beyond_the_tip_gives_nothing),
    cmocka_unit_test(record_limit),
    cmocka_unit_test(byte_limit_counts_data),
    cmocka_unit_test(byte_limit_with_empty_records),
    cmocka_unit_test(the_largest_batches),
    cmocka_unit_test(readers_do_not_disturb_each_other),
    cmocka_unit_test(bytes_at_any_offset_and_length),
    cmocka_unit_test(bytes_in_pieces),
    cmocka_unit_test(records_and_bytes_agree),
    cmocka_unit_test(a_batch_outlives_its_reader),
    cmocka_unit_test(aggregates_are_announced),
    cmocka_unit_test(records_as_they_are_stored),
};

CONTRACT_GROUP(contract_read, tests);
