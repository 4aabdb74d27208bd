/* Contract: UpdateShardCount. The plan itself is tested in tests/unit/test_topology.c. */
#include <errno.h>
#include <stdlib.h>

#include "tests/support/contract_case.h"

/* The open shards are `n` equal ranges; every closed one has children, every other parents that are closed. */
static void assert_uniform(struct contract_case *c, struct kfs_stream *s, uint32_t n)
{
    struct kfs_shard_info *shards = NULL;
    size_t count = 0;
    uint32_t open = 0;

    assert_int_equal(kfs_shard_list(s, &shards, &count, &c->err), 0);
    for (size_t i = 0; i < count; i++) {
        bool has_child = false;
        assert_int_equal(shards[i].index, i);
        assert_int_equal(shards[i].closed, shards[i].closed_ms != 0);
        if (shards[i].parent != KFS_NO_SHARD)
            assert_true(shards[i].parent < i && shards[shards[i].parent].closed);
        for (size_t j = i + 1; j < count; j++)
            has_child |= shards[j].parent == i || shards[j].adjacent_parent == i;
        assert_int_equal(has_child, shards[i].closed);
        if (shards[i].closed)
            continue;
        open++;
        for (uint32_t k = 0;; k++) {
            struct kfs_hash_range range;
            assert_true(k < n);
            range = kfs_hash_uniform(k, n);
            if (range.start != shards[i].range.start)
                continue;
            assert_hash_equal(shards[i].range.end, range.end);
            break;
        }
    }
    assert_int_equal(open, n);
    assert_int_equal(info_of(s).open_shards, n);
    free(shards);
}

static void resize_four_to_three_as_amazon(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 4);

    assert_int_equal(kfs_stream_resize(s, 3, &c->err), 0);
    assert_uniform(c, s, 3);
    assert_false(shard_of(s, 6).closed);
    assert_false(shard_of(s, 9).closed);
    assert_false(shard_of(s, 10).closed);
    assert_int_equal(info_of(s).status, KFS_ACTIVE);
}

static void resize_to_any_count(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    static const uint32_t targets[] = {2, 1, 7, 7, 3, 20, 1, 5};

    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        assert_int_equal(kfs_stream_resize(s, targets[i], &c->err), 0);
        assert_uniform(c, s, targets[i]);
    }
}

static void resize_to_the_same_changes_nothing(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 3);
    struct kfs_shard_info info;

    assert_int_equal(kfs_stream_resize(s, 3, &c->err), 0);
    assert_failed(c, kfs_shard_info(s, 3, &info, &c->err), ENOENT);
    assert_false(shard_of(s, 0).closed);
}

static void resize_after_uneven_splits(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);

    assert_int_equal(kfs_shard_split(s, 0, 2, &c->err), 0);
    assert_int_equal(kfs_shard_split(s, 3, 1000, &c->err), 0);
    assert_int_equal(kfs_stream_resize(s, 4, &c->err), 0);
    assert_uniform(c, s, 4);
}

static void resize_keeps_records_and_routes(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);
    const kfs_hash last = KFS_HASH_MAX;
    struct kfs_put put = {.data = bytes_of("new"), .key = bytes_of("k"), .explicit_hash = &last};
    struct kfs_put_result result;
    struct kfs_batch all;

    put_text(s, 0, "old");
    assert_int_equal(kfs_stream_resize(s, 5, &c->err), 0);
    read_all(c, s, 0, 10, &all);
    assert_int_equal(all.n, 1);
    assert_data(&all.records[0], "old");
    kfs_batch_release(&all);
    assert_int_equal(append_seen(s, KFS_NO_SHARD, &put, 1, &result, &c->err), 0);
    assert_false(shard_of(s, result.shard).closed);
    assert_hash_equal(shard_of(s, result.shard).range.end, KFS_HASH_MAX);
    assert_int_equal(append_seen(s, 0, &put, 1, NULL, &c->err), -EROFS);
}

static void resize_refuses_bad_counts(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);

    assert_failed(c, kfs_stream_resize(s, 0, &c->err), EINVAL);
    assert_failed(c, kfs_stream_resize(s, KFS_SHARDS_MAX + 1, &c->err), EINVAL);
    assert_failed(c, kfs_stream_resize(s, UINT32_MAX, &c->err), EINVAL);
    assert_uniform(c, s, 2);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(resize_four_to_three_as_amazon),     cmocka_unit_test(resize_to_any_count),
    cmocka_unit_test(resize_to_the_same_changes_nothing), cmocka_unit_test(resize_after_uneven_splits),
    cmocka_unit_test(resize_keeps_records_and_routes),    cmocka_unit_test(resize_refuses_bad_counts),
};

CONTRACT_GROUP(contract_resize, tests);
