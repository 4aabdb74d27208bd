/* Contract: shards, splits and merges. Resizes: contract_resize.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/contract_case.h"

#define HALF ((kfs_hash)1 << 127)

static void assert_range(const struct kfs_shard_info *info, kfs_hash start, kfs_hash end)
{
    assert_hash_equal(info->range.start, start);
    assert_hash_equal(info->range.end, end);
}

static size_t shard_count(struct kfs_stream *s)
{
    struct kfs_shard_info *shards = NULL;
    size_t n = 0;

    assert_int_equal(kfs_shard_list(s, &shards, &n, NULL), 0);
    free(shards);
    return n;
}

static void first_shards_share_the_keys(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 3);
    struct kfs_shard_info *shards = NULL;
    size_t n = 0;

    assert_int_equal(kfs_shard_list(s, &shards, &n, &c->err), 0);
    assert_int_equal(n, 3);
    for (uint32_t i = 0; i < 3; i++) {
        struct kfs_hash_range range = kfs_hash_uniform(i, 3);
        assert_int_equal(shards[i].index, i);
        assert_false(shards[i].closed);
        assert_int_equal(shards[i].parent, KFS_NO_SHARD);
        assert_int_equal(shards[i].adjacent_parent, KFS_NO_SHARD);
        assert_range(&shards[i], range.start, range.end);
        assert_false(kfs_seq_is_none(&shards[i].starting));
        assert_true(kfs_seq_is_none(&shards[i].ending));
        assert_int_equal(shards[i].created_ms, told_creation(c, clock_now(c)));
        assert_int_equal(shards[i].closed_ms, 0);
    }
    assert_hash_equal(shards[0].range.start, 0);
    assert_hash_equal(shards[2].range.end, KFS_HASH_MAX);
    free(shards);
}

static void one_shard_is_as_in_the_list(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 4);
    struct kfs_shard_info *shards = NULL;
    size_t n = 0;

    assert_int_equal(kfs_shard_split(s, 2, shard_of(s, 2).range.start + 100, &c->err), 0);
    assert_int_equal(kfs_shard_list(s, &shards, &n, &c->err), 0);
    assert_int_equal(n, 6);
    for (size_t i = 0; i < n; i++) {
        struct kfs_shard_info one = shard_of(s, shards[i].index);
        assert_int_equal(one.closed, shards[i].closed);
        assert_int_equal(one.parent, shards[i].parent);
        assert_range(&one, shards[i].range.start, shards[i].range.end);
        assert_int_equal(kfs_seq_cmp(&one.starting, &shards[i].starting), 0);
        assert_int_equal(kfs_seq_cmp(&one.ending, &shards[i].ending), 0);
        assert_int_equal(one.created_ms, shards[i].created_ms);
        assert_int_equal(one.closed_ms, shards[i].closed_ms);
    }
    free(shards);
}

static void missing_shards_are_enoent(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);
    static const uint32_t missing[] = {2, 1000, KFS_SHARD_INDEX_MAX, (uint32_t)KFS_SHARD_INDEX_MAX + 1, KFS_NO_SHARD};
    struct kfs_put put = put_of("data", "key");

    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        struct kfs_shard_info info = {.index = 55};
        struct kfs_extent extent = {.start = 55};
        struct kfs_reader *reader = NULL;
        assert_failed(c, kfs_shard_info(s, missing[i], &info, &c->err), ENOENT);
        assert_failed(c, kfs_shard_extent(s, missing[i], &extent, &c->err), ENOENT);
        assert_failed(c, kfs_reader_open(s, missing[i], &reader, &c->err), ENOENT);
        assert_failed(c, kfs_shard_split(s, missing[i], HALF, &c->err), ENOENT);
        assert_failed(c, kfs_shard_merge(s, missing[i], 1, &c->err), ENOENT);
        assert_failed(c, kfs_shard_merge(s, 0, missing[i], &c->err), ENOENT);
        assert_int_equal(info.index, 55);
        assert_int_equal(extent.start, 55);
        assert_null(reader);
        if (missing[i] == KFS_NO_SHARD)
            continue;
        assert_failed(c, append_seen(s, missing[i], &put, 1, NULL, &c->err), ENOENT);
        assert_int_equal(kfs_sync_wait(s, missing[i]), -ENOENT);
    }
    assert_int_equal(shard_count(s), 2);
}

static void empty_shard_has_an_empty_extent(void **state)
{
    struct contract_case *c = *state;
    struct kfs_extent extent = extent_of(case_create(c, "s", 1), 0);

    assert_int_equal(extent.start, 0);
    assert_int_equal(extent.end, 0);
    assert_int_equal(extent.first_record, 0);
    assert_int_equal(extent.next_record, 0);
    assert_int_equal(extent.last_arrival_ms, told_creation(c, clock_now(c)));
    assert_true(kfs_seq_is_none(&extent.last));
    assert_false(extent.closed);
}

static void split_makes_two_children(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_seq last = put_text(s, 0, "before");
    struct kfs_shard_info parent;
    struct kfs_shard_info low;
    struct kfs_shard_info high;

    clock_advance(c, 5000);
    assert_int_equal(kfs_shard_split(s, 0, 1000, &c->err), 0);
    assert_int_equal(shard_count(s), 3);
    assert_int_equal(info_of(s).open_shards, 2);
    assert_int_equal(info_of(s).status, KFS_ACTIVE);
    parent = shard_of(s, 0);
    low = shard_of(s, 1);
    high = shard_of(s, 2);
    assert_true(parent.closed);
    assert_int_equal(parent.closed_ms, clock_now(c));
    assert_seq_below(&parent.starting, &last);
    assert_seq_below(&last, &parent.ending);
    assert_range(&parent, 0, KFS_HASH_MAX);
    assert_range(&low, 0, 999);
    assert_range(&high, 1000, KFS_HASH_MAX);
    assert_int_equal(low.parent, 0);
    assert_int_equal(high.parent, 0);
    assert_int_equal(low.adjacent_parent, KFS_NO_SHARD);
    assert_int_equal(high.adjacent_parent, KFS_NO_SHARD);
    assert_false(low.closed || high.closed);
    assert_int_equal(low.created_ms, clock_now(c));
}

static void split_key_has_room_on_both_sides(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);
    struct kfs_hash_range range = shard_of(s, 1).range;
    const kfs_hash bad[] = {0, range.start - 1, range.start, range.start + 1, range.end};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_failed(c, kfs_shard_split(s, 1, bad[i], &c->err), EINVAL);
        assert_string_equal(c->err.aws_code, "InvalidArgumentException");
        assert_non_null(strstr(c->err.text, "NewStartingHashKey"));
    }
    range = shard_of(s, 0).range;
    assert_failed(c, kfs_shard_split(s, 0, range.end, &c->err), EINVAL);
    assert_failed(c, kfs_shard_split(s, 0, range.end + 1, &c->err), EINVAL);
    assert_failed(c, kfs_shard_split(s, 0, KFS_HASH_MAX, &c->err), EINVAL);
    assert_int_equal(shard_count(s), 2);
    assert_int_equal(kfs_shard_split(s, 0, 2, &c->err), 0);
    range = shard_of(s, 1).range;
    assert_int_equal(kfs_shard_split(s, 1, range.end - 1, &c->err), 0);
    assert_int_equal(info_of(s).open_shards, 4);
}

static void closed_shards_are_not_split_or_merged(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);

    assert_int_equal(kfs_shard_split(s, 0, 1000, &c->err), 0);
    assert_failed(c, kfs_shard_split(s, 0, 2000, &c->err), EINVAL);
    assert_non_null(strstr(c->err.text, "already been merged or split"));
    assert_failed(c, kfs_shard_merge(s, 0, 1, &c->err), EINVAL);
    assert_failed(c, kfs_shard_merge(s, 1, 0, &c->err), EINVAL);
    assert_int_equal(shard_count(s), 4);
}

static void merge_makes_one_child(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 3);
    struct kfs_shard_info child;

    put_text(s, 1, "a");
    put_text(s, 2, "b");
    clock_advance(c, 5000);
    assert_int_equal(kfs_shard_merge(s, 1, 2, &c->err), 0);
    assert_int_equal(shard_count(s), 4);
    assert_int_equal(info_of(s).open_shards, 2);
    child = shard_of(s, 3);
    assert_int_equal(child.parent, 1);
    assert_int_equal(child.adjacent_parent, 2);
    assert_range(&child, kfs_hash_uniform(1, 3).start, KFS_HASH_MAX);
    assert_false(child.closed);
    assert_true(shard_of(s, 1).closed && shard_of(s, 2).closed);
    assert_false(shard_of(s, 0).closed);
    assert_int_equal(shard_of(s, 2).closed_ms, clock_now(c));
    assert_int_equal(extent_of(s, 3).next_record, 0);
}

static void merge_wants_neighbours_in_order(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 3);
    static const uint32_t bad[][2] = {{1, 0}, {0, 2}, {2, 0}, {1, 1}, {2, 1}};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_failed(c, kfs_shard_merge(s, bad[i][0], bad[i][1], &c->err), EINVAL);
        assert_string_equal(c->err.aws_code, "InvalidArgumentException");
        assert_non_null(strstr(c->err.text, "not an adjacent pair"));
    }
    assert_int_equal(shard_count(s), 3);
    s = case_create(c, "one", 1);
    assert_failed(c, kfs_shard_merge(s, 0, 0, &c->err), EINVAL);
}

static void closed_shard_keeps_its_records(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);
    struct kfs_reader *early = case_reader(c, s, 0);
    struct kfs_limit limit = {1, 100};
    struct kfs_batch batch;

    put_text(s, 0, "one");
    put_text(s, 0, "two");
    kfs_batch_init(&batch);
    assert_int_equal(kfs_read(early, 0, &limit, &batch, &c->err), 0);
    assert_int_equal(kfs_shard_merge(s, 0, 1, &c->err), 0);
    assert_int_equal(kfs_read(early, batch.next, &limit, &batch, &c->err), 0);
    assert_data(&batch.records[0], "two");
    assert_int_equal(kfs_read(early, batch.next, &limit, &batch, &c->err), 0);
    assert_int_equal(batch.n, 0);
    kfs_batch_release(&batch);
    read_all(c, s, 0, 10, &batch);
    assert_int_equal(batch.n, 2);
    assert_data(&batch.records[0], "one");
    kfs_batch_release(&batch);
    assert_true(extent_of(s, 0).closed);
    assert_false(extent_of(s, 2).closed);
    assert_int_equal(extent_of(s, 0).next_record, 2);
    assert_int_equal(kfs_sync_wait(s, 0), 0);
}

static void append_to_a_closed_shard_is_erofs(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);
    struct kfs_put puts[2] = {put_of("a", "k"), put_of("b", "k")};
    struct kfs_put_result results[2] = {{0}};

    assert_int_equal(kfs_shard_split(s, 0, 1000, &c->err), 0);
    assert_failed(c, append_seen(s, 0, puts, 2, results, &c->err), EROFS);
    assert_int_equal(results[0].error, -EROFS);
    assert_int_equal(results[1].error, -EROFS);
    assert_non_null(strstr(c->err.text, "shardId-000000000002"));
    assert_non_null(strstr(c->err.text, "shardId-000000000003"));
    assert_int_equal(kfs_shard_merge(s, 3, 1, &c->err), 0);
    assert_failed(c, append_seen(s, 1, puts, 1, NULL, &c->err), EROFS);
    assert_non_null(strstr(c->err.text, "shardId-000000000004"));
    assert_int_equal(extent_of(s, 0).next_record, 0);
}

static void keys_go_to_the_children(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    const kfs_hash hashes[] = {0, 999, 1000, KFS_HASH_MAX};
    static const uint32_t split[] = {1, 1, 2, 2};
    struct kfs_put put = put_of("x", "k");
    struct kfs_put_result result;

    assert_int_equal(kfs_shard_split(s, 0, 1000, &c->err), 0);
    for (size_t i = 0; i < 4; i++) {
        put.explicit_hash = &hashes[i];
        assert_int_equal(append_seen(s, KFS_NO_SHARD, &put, 1, &result, &c->err), 0);
        assert_int_equal(result.shard, split[i]);
    }
    assert_int_equal(kfs_shard_merge(s, 1, 2, &c->err), 0);
    for (size_t i = 0; i < 4; i++) {
        put.explicit_hash = &hashes[i];
        assert_int_equal(append_seen(s, KFS_NO_SHARD, &put, 1, &result, &c->err), 0);
        assert_int_equal(result.shard, 3);
    }
    assert_int_equal(extent_of(s, 0).next_record, 0);
    assert_int_equal(extent_of(s, 3).next_record, 4);
}

/* Whoever merges shards by arrival time must see parents before children. */
static void times_of_parents_and_children_do_not_cross(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_batch all;

    clock_advance(c, 60000);
    put_text(s, 0, "late");
    clock_step_back(c, 50000);
    assert_int_equal(kfs_shard_split(s, 0, 1000, &c->err), 0);
    put_text(s, 1, "child");
    assert_true(shard_of(s, 0).closed_ms >= extent_of(s, 0).last_arrival_ms);
    assert_true(shard_of(s, 1).created_ms >= shard_of(s, 0).closed_ms);
    read_all(c, s, 1, 10, &all);
    assert_true(all.records[0].arrival_ms >= shard_of(s, 1).created_ms);
    kfs_batch_release(&all);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(first_shards_share_the_keys),
    cmocka_unit_test(one_shard_is_as_in_the_list),
    cmocka_unit_test(missing_shards_are_enoent),
    cmocka_unit_test(empty_shard_has_an_empty_extent),
    cmocka_unit_test(split_makes_two_children),
    cmocka_unit_test(split_key_has_room_on_both_sides),
    cmocka_unit_test(closed_shards_are_not_split_or_merged),
    cmocka_unit_test(merge_makes_one_child),
    cmocka_unit_test(merge_wants_neighbours_in_order),
    cmocka_unit_test(closed_shard_keeps_its_records),
    cmocka_unit_test(append_to_a_closed_shard_is_erofs),
    cmocka_unit_test(keys_go_to_the_children),
    cmocka_unit_test(times_of_parents_and_children_do_not_cross),
};

CONTRACT_GROUP(contract_shards, tests);
