/* Contract: what a subject that keeps its streams finds when it is opened again. */
#include <errno.h>
#include <stdlib.h>

#include "tests/support/contract_case.h"

static void assert_same_shard(const struct kfs_shard_info *a, const struct kfs_shard_info *b)
{
    assert_int_equal(a->index, b->index);
    assert_int_equal(a->closed, b->closed);
    assert_int_equal(a->parent, b->parent);
    assert_int_equal(a->adjacent_parent, b->adjacent_parent);
    assert_hash_equal(a->range.start, b->range.start);
    assert_hash_equal(a->range.end, b->range.end);
    assert_int_equal(kfs_seq_cmp(&a->starting, &b->starting), 0);
    assert_int_equal(kfs_seq_cmp(&a->ending, &b->ending), 0);
    assert_int_equal(a->created_ms, b->created_ms);
    assert_int_equal(a->closed_ms, b->closed_ms);
}

static void streams_and_settings_are_there(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream_spec spec = {.shards = 3, .retention_hours = 48, .max_record_bytes = 2U << 20};
    struct kfs_stream_change change = {.retention_hours = 72};
    struct kfs_stream_info before;
    struct kfs_stream_info after;
    struct kfs_stream *s;

    assert_int_equal(kfs_stream_create(c->b, "s", &spec, &c->err), 0);
    case_create(c, "gone", 1);
    assert_int_equal(kfs_stream_delete(case_open(c, "gone"), &c->err), 0);
    s = case_open(c, "s");
    assert_int_equal(kfs_stream_update(s, &change, &c->err), 0);
    before = info_of(s);
    clock_advance(c, 5000);
    case_reopen(c);
    after = info_of(case_open(c, "s"));
    assert_string_equal(after.name, before.name);
    assert_string_equal(after.arn, before.arn);
    assert_int_equal(after.status, KFS_ACTIVE);
    assert_int_equal(after.open_shards, 3);
    assert_int_equal(after.retention_hours, 72);
    assert_int_equal(after.max_record_bytes, 2U << 20);
    assert_int_equal(after.created_ms, before.created_ms);
    assert_int_equal(after.generation, before.generation);
    assert_failed(c, kfs_stream_open(c->b, "gone", &s, &c->err), ENOENT);
}

static void notes_are_there(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_buf buf;

    assert_int_equal(kfs_note_set(c->b, s, "a", bytes_of("of s"), &c->err), 0);
    assert_int_equal(kfs_note_set(c->b, NULL, "a", bytes_of(" of all"), &c->err), 0);
    assert_int_equal(kfs_note_set(c->b, s, "b", bytes_of("gone"), &c->err), 0);
    assert_int_equal(kfs_note_set(c->b, s, "b", bytes_of(""), &c->err), 0);
    case_reopen(c);
    s = case_open(c, "s");
    kfs_buf_init(&buf, 64);
    assert_int_equal(kfs_note_get(c->b, s, "a", &buf, &c->err), 0);
    assert_int_equal(kfs_note_get(c->b, NULL, "a", &buf, &c->err), 0);
    assert_int_equal(kfs_note_get(c->b, s, "b", &buf, &c->err), 0);
    assert_bytes((struct kfs_bytes){buf.data, buf.len}, bytes_of("of s of all"));
    kfs_buf_release(&buf);
}

static void generations_differ_across_a_reopen(void **state)
{
    struct contract_case *c = *state;
    uint64_t generation = info_of(case_create(c, "s", 1)).generation;

    assert_int_equal(kfs_stream_delete(case_open(c, "s"), &c->err), 0);
    case_reopen(c);
    assert_int_not_equal(info_of(case_create(c, "s", 1)).generation, generation);
}

static void shards_are_there(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 3);
    struct kfs_shard_info *before = NULL;
    struct kfs_shard_info *after = NULL;
    size_t n = 0;
    size_t m = 0;

    assert_int_equal(kfs_shard_split(s, 1, shard_of(s, 1).range.start + 1000, &c->err), 0);
    clock_advance(c, 5000);
    assert_int_equal(kfs_shard_merge(s, 0, 3, &c->err), 0);
    assert_int_equal(kfs_stream_resize(s, 4, &c->err), 0);
    assert_int_equal(kfs_shard_list(s, &before, &n, &c->err), 0);
    case_reopen(c);
    s = case_open(c, "s");
    assert_int_equal(kfs_shard_list(s, &after, &m, &c->err), 0);
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++)
        assert_same_shard(&before[i], &after[i]);
    free(before);
    free(after);
    assert_int_equal(info_of(s).open_shards, 4);
    assert_int_equal(append_seen(s, 0, &(struct kfs_put){.data = bytes_of("x")}, 1, NULL, &c->err), -EROFS);
}

static void records_are_there(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);
    struct kfs_extent before;
    struct kfs_extent after;
    struct kfs_batch old;
    struct kfs_batch new;
    char data[64];
    const struct kfs_put aggregate = {.data = {data, frame_aggregate(data, "\n")}};

    put_many(s, 0, 300, 500);
    assert_int_equal(append_seen(s, 0, &aggregate, 1, NULL, &c->err), 0);
    clock_advance(c, 5000);
    assert_int_equal(append_seen(s, 0, &(struct kfs_put){.data = bytes_of("")}, 1, NULL, &c->err), 0);
    put_text(s, 0, "a\nb\n");
    before = extent_of(s, 0);
    read_all(c, s, 0, 100, &old);
    case_reopen(c);
    s = case_open(c, "s");
    after = extent_of(s, 0);
    assert_int_equal(after.start, before.start);
    assert_int_equal(after.end, before.end);
    assert_int_equal(after.first_record, before.first_record);
    assert_int_equal(after.next_record, before.next_record);
    assert_int_equal(after.last_arrival_ms, before.last_arrival_ms);
    assert_int_equal(after.aggregates_from, 300 * 501);
    assert_int_equal(kfs_seq_cmp(&after.last, &before.last), 0);
    read_all(c, s, 0, 100, &new);
    assert_int_equal(old.n, new.n);
    for (size_t i = 0; i < old.n; i++) {
        assert_int_equal(old.records[i].offset, new.records[i].offset);
        assert_int_equal(old.records[i].arrival_ms, new.records[i].arrival_ms);
        assert_int_equal(new.records[i].aggregate, i == 300);
        assert_int_equal(kfs_seq_cmp(&old.records[i].seq, &new.records[i].seq), 0);
        assert_bytes(new.records[i].key, old.records[i].key);
        assert_bytes(new.records[i].data, old.records[i].data);
    }
    kfs_batch_release(&old);
    kfs_batch_release(&new);
    assert_int_equal(extent_of(s, 1).end, 0);
    assert_last(s, 1, &(struct kfs_seq){{0}});
    assert_int_equal(extent_of(s, 1).last_arrival_ms, shard_of(s, 1).created_ms);
}

static void numbers_and_offsets_go_on(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_seq last = put_text(s, 0, "x");
    struct kfs_batch all;

    for (uint64_t i = 1; i < 8; i++) {
        struct kfs_seq next;
        if (i % 2 == 0)
            clock_step_back(c, 10000);
        case_reopen(c);
        s = case_open(c, "s");
        assert_int_equal(extent_of(s, 0).end, 2 * i);
        next = put_text(s, 0, "x");
        assert_seq_below(&last, &next);
        last = next;
    }
    read_all(c, s, 0, 3, &all);
    assert_int_equal(all.n, 8);
    for (size_t i = 1; i < all.n; i++) {
        assert_seq_below(&all.records[i - 1].seq, &all.records[i].seq);
        assert_true(all.records[i - 1].arrival_ms <= all.records[i].arrival_ms);
    }
    kfs_batch_release(&all);
}

/* Also what was numbered, and then removed by retention or never stored. */
static void numbers_are_never_given_twice(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_seq last = put_text(s, 0, "x");
    struct kfs_seq next;

    clock_advance(c, 200 * HOUR_MS);
    (void)extent_of(s, 0);
    case_reopen(c);
    s = case_open(c, "s");
    assert_int_equal(extent_of(s, 0).next_record, 1);
    assert_last(s, 0, &last);
    next = put_text(s, 0, "y");
    assert_seq_below(&last, &next);
    assert_int_equal(extent_of(s, 0).end, 4);
}

static void closing_is_a_sync(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);

    put_text(s, 0, "synced");
    assert_int_equal(kfs_sync_wait(s, KFS_NO_SHARD), 0);
    put_text(s, 0, "not synced");
    put_text(s, 1, "not synced");
    case_reopen(c);
    s = case_open(c, "s");
    assert_int_equal(extent_of(s, 0).next_record, 2);
    assert_int_equal(extent_of(s, 1).next_record, 1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(streams_and_settings_are_there),
    cmocka_unit_test(notes_are_there),
    cmocka_unit_test(generations_differ_across_a_reopen),
    cmocka_unit_test(shards_are_there),
    cmocka_unit_test(records_are_there),
    cmocka_unit_test(numbers_and_offsets_go_on),
    cmocka_unit_test(numbers_are_never_given_twice),
    cmocka_unit_test(closing_is_a_sync),
};

CONTRACT_GROUP(contract_reopen, tests);
