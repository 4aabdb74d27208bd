/* backend/topology.h: which shards there are, before and after each change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/topology.h"

static struct kfs_topology made(uint32_t shards)
{
    struct kfs_topology t;

    assert_int_equal(kfs_topology_init(&t, NULL, 0, 0), 0);
    t.stream = "clicks";
    t.account = "123456789012";
    assert_int_equal(kfs_topology_create(&t, shards, NULL), 0);
    return t;
}

/* The open shards' indexes in order of their hash keys, as "6 9 10". They cover every key once. */
static const char *open_shards(const struct kfs_topology *t)
{
    static char text[2048];
    kfs_hash at = 0;
    size_t len = 0;

    text[0] = '\0';
    do {
        const struct kfs_shard_info *owner = kfs_topology_owner(t->shards, t->n, at);
        assert_non_null(owner);
        assert_true(owner->range.start == at);
        for (size_t i = 0; i < t->n; i++)
            assert_true(&t->shards[i] == owner || t->shards[i].closed || !kfs_hash_in(&t->shards[i].range, at));
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%u", len > 0 ? " " : "", owner->index);
        assert_true(len < sizeof text - 16);
        at = owner->range.end + 1;
    } while (at != 0);
    return text;
}

/* Each shard is closed where it has children, and its parents make up its range or contain it. */
static void assert_family(const struct kfs_topology *t)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct kfs_shard_info *shard = &t->shards[i];
        const struct kfs_shard_info *parent = kfs_topology_find(t->shards, t->n, shard->parent);
        const struct kfs_shard_info *adjacent = kfs_topology_find(t->shards, t->n, shard->adjacent_parent);
        uint32_t children[KFS_SHARD_CHILDREN_MAX];
        size_t n = kfs_topology_children(t->shards, t->n, shard->index, children);

        assert_int_equal(shard->index, i);
        assert_int_equal(n > 0, shard->closed);
        assert_int_equal(parent == NULL, shard->parent == KFS_NO_SHARD);
        assert_int_equal(adjacent == NULL, shard->adjacent_parent == KFS_NO_SHARD);
        if (adjacent != NULL && parent != NULL) {
            assert_true(parent->range.start == shard->range.start);
            assert_true(parent->range.end + 1 == adjacent->range.start);
            assert_true(adjacent->range.end == shard->range.end);
        } else if (parent != NULL) {
            assert_int_equal(kfs_topology_children(t->shards, t->n, parent->index, children), 2);
            assert_true(parent->range.start <= shard->range.start && shard->range.end <= parent->range.end);
            assert_true(parent->range.start == shard->range.start || shard->range.end == parent->range.end);
        }
    }
}

static void assert_uniform(const struct kfs_topology *t, uint32_t n)
{
    assert_int_equal(kfs_topology_open_count(t->shards, t->n), n);
    for (uint32_t i = 0; i < n; i++) {
        struct kfs_hash_range range = kfs_hash_uniform(i, n);
        const struct kfs_shard_info *owner = kfs_topology_owner(t->shards, t->n, range.start);
        assert_non_null(owner);
        assert_true(owner->range.start == range.start && owner->range.end == range.end);
    }
    assert_family(t);
}

static void create_shares_evenly(void **state)
{
    static const uint32_t counts[] = {1, 2, 3, 7, 100, KFS_SHARDS_MAX};
    struct kfs_error err;
    struct kfs_topology t;

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        t = made(counts[i]);
        assert_int_equal(t.n, counts[i]);
        assert_int_equal(t.next_index, counts[i]);
        if (counts[i] <= 100)
            assert_uniform(&t, counts[i]);
        kfs_topology_release(&t);
    }
    assert_int_equal(kfs_topology_init(&t, NULL, 0, 0), 0);
    assert_int_equal(kfs_topology_create(&t, 0, &err), -EINVAL);
    assert_int_equal(kfs_topology_create(&t, KFS_SHARDS_MAX + 1, &err), -EINVAL);
    assert_int_equal(t.n, 0);
    kfs_topology_release(&t);
}

static void owner_at_the_edges(void **state)
{
    struct kfs_topology t = made(3);
    kfs_hash second = kfs_hash_uniform(1, 3).start;

    (void)state;
    assert_int_equal(kfs_topology_owner(t.shards, t.n, 0)->index, 0);
    assert_int_equal(kfs_topology_owner(t.shards, t.n, second - 1)->index, 0);
    assert_int_equal(kfs_topology_owner(t.shards, t.n, second)->index, 1);
    assert_int_equal(kfs_topology_owner(t.shards, t.n, KFS_HASH_MAX)->index, 2);
    t.shards[1].closed = true;
    assert_null(kfs_topology_owner(t.shards, t.n, second));
    kfs_topology_release(&t);
}

/* Shards that expired leave holes in the array; their indexes stay used. */
static void shards_are_found_among_holes(void **state)
{
    struct kfs_shard_info shards[3] = {
        {.index = 4, .closed = true, .parent = 1, .adjacent_parent = KFS_NO_SHARD, .range = {0, KFS_HASH_MAX}},
        {.index = 9, .parent = 4, .adjacent_parent = KFS_NO_SHARD, .range = {0, 999}},
        {.index = 10, .parent = 4, .adjacent_parent = KFS_NO_SHARD, .range = {1000, KFS_HASH_MAX}},
    };
    struct kfs_topology t;

    (void)state;
    assert_int_equal(kfs_topology_init(&t, shards, 3, 20), 0);
    for (uint32_t i = 0; i < 30; i++) {
        const struct kfs_shard_info *found = kfs_topology_find(t.shards, t.n, i);
        assert_int_equal(found != NULL, i == 4 || i == 9 || i == 10);
        assert_true(found == NULL || found->index == i);
    }
    assert_int_equal(kfs_topology_merge(&t, 9, 10, NULL), 0);
    assert_string_equal(open_shards(&t), "20");
    assert_int_equal(t.next_index, 21);
    kfs_topology_release(&t);
}

static void split_makes_a_lower_and_an_upper_half(void **state)
{
    struct kfs_topology t = made(1);

    (void)state;
    assert_int_equal(kfs_topology_split(&t, 0, 1000, NULL), 0);
    assert_string_equal(open_shards(&t), "1 2");
    assert_true(t.shards[0].closed);
    assert_true(t.shards[1].range.end == 999 && t.shards[2].range.start == 1000);
    assert_int_equal(t.shards[2].parent, 0);
    assert_int_equal(t.shards[2].adjacent_parent, KFS_NO_SHARD);
    assert_int_equal(t.shards[2].created_ms, 0);
    assert_family(&t);
    kfs_topology_release(&t);
}

static void split_says_what_was_wrong(void **state)
{
    struct kfs_topology t = made(2);
    kfs_hash middle = t.shards[1].range.start;
    const kfs_hash bad[] = {0, 1, middle - 1, middle, KFS_HASH_MAX};
    struct kfs_error err;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(kfs_topology_split(&t, 0, bad[i], &err), -EINVAL);
    assert_string_equal(err.aws_code, "InvalidArgumentException");
    assert_string_equal(err.text,
                        "NewStartingHashKey 340282366920938463463374607431768211455 used in SplitShard() on shard "
                        "shardId-000000000000 in stream clicks under account 123456789012 is not both greater than one "
                        "plus the shard's StartingHashKey 0 and less than the shard's EndingHashKey "
                        "170141183460469231731687303715884105727.");
    assert_int_equal(kfs_topology_split(&t, 7, 1000, &err), -ENOENT);
    assert_string_equal(err.aws_code, "ResourceNotFoundException");
    assert_int_equal(t.n, 2);
    assert_int_equal(kfs_topology_split(&t, 0, 2, &err), 0);
    assert_int_equal(kfs_topology_split(&t, 3, 3, &err), -EINVAL);
    assert_int_equal(kfs_topology_split(&t, 3, 4, &err), 0);
    assert_int_equal(kfs_topology_split(&t, 0, 1000, &err), -EINVAL);
    assert_string_equal(err.text,
                        "Shard shardId-000000000000 in stream clicks under account 123456789012 has already been "
                        "merged or split, and thus is not eligible for merging or splitting.");
    kfs_topology_release(&t);
}

static void shards_too_small_are_not_split(void **state)
{
    struct kfs_topology t = made(1);

    (void)state;
    assert_int_equal(kfs_topology_split(&t, 0, 3, NULL), 0);
    for (kfs_hash key = 0; key < 5; key++) /* 0..2: only key 2 is in it, and that is its end */
        assert_int_equal(kfs_topology_split(&t, 1, key, NULL), -EINVAL);
    kfs_topology_release(&t);
}

static void merge_wants_an_ordered_pair(void **state)
{
    struct kfs_topology t = made(3);
    struct kfs_error err;

    (void)state;
    assert_int_equal(kfs_topology_merge(&t, 0, 2, &err), -EINVAL);
    assert_int_equal(kfs_topology_merge(&t, 1, 1, &err), -EINVAL);
    assert_int_equal(kfs_topology_merge(&t, 2, 0, &err), -EINVAL); /* 2^128 is not 0 */
    assert_int_equal(kfs_topology_merge(&t, 1, 0, &err), -EINVAL);
    assert_string_equal(err.text, "Shards shardId-000000000001 and shardId-000000000000 in stream clicks under account "
                                  "123456789012 are not an adjacent pair of shards eligible for merging");
    assert_int_equal(kfs_topology_merge(&t, 0, 9, &err), -ENOENT);
    assert_int_equal(t.n, 3);
    assert_int_equal(kfs_topology_merge(&t, 0, 1, &err), 0);
    assert_string_equal(open_shards(&t), "3 2");
    assert_int_equal(kfs_topology_merge(&t, 1, 2, &err), -EINVAL);
    assert_int_equal(kfs_topology_merge(&t, 3, 2, &err), 0);
    assert_string_equal(open_shards(&t), "4");
    assert_int_equal(kfs_topology_merge(&t, 4, 4, &err), -EINVAL);
    assert_family(&t);
    kfs_topology_release(&t);
}

static void closed_shards_name_their_children(void **state)
{
    struct kfs_topology t = made(2);
    struct kfs_error err;
    uint32_t children[KFS_SHARD_CHILDREN_MAX];

    (void)state;
    assert_int_equal(kfs_topology_split(&t, 0, 1000, NULL), 0);
    assert_int_equal(kfs_topology_merge(&t, 3, 1, NULL), 0);
    assert_int_equal(kfs_topology_children(t.shards, t.n, 0, children), 2);
    assert_int_equal(children[0], 2);
    assert_int_equal(children[1], 3);
    assert_int_equal(kfs_topology_children(t.shards, t.n, 1, children), 1);
    assert_int_equal(children[0], 4);
    assert_int_equal(kfs_topology_children(t.shards, t.n, 4, children), 0);
    assert_int_equal(kfs_topology_fail_closed(t.shards, t.n, 0, &err), -EROFS);
    assert_non_null(strstr(err.text, "shardId-000000000002 and shardId-000000000003"));
    assert_int_equal(kfs_topology_fail_closed(t.shards, t.n, 3, &err), -EROFS);
    assert_non_null(strstr(err.text, "shardId-000000000004"));
    kfs_topology_release(&t);
}

/* ---- resize ---- */

static void resize_as_amazon_did(void **state)
{
    struct kfs_topology t = made(4);

    (void)state;
    assert_int_equal(kfs_topology_resize(&t, 3, NULL), 0);
    assert_string_equal(open_shards(&t), "6 9 10");
    assert_uniform(&t, 3);
    assert_int_equal(t.n, 11);
    kfs_topology_release(&t);
}

static void resize_by_simple_factors(void **state)
{
    struct kfs_topology t = made(2);

    (void)state;
    assert_int_equal(kfs_topology_resize(&t, 4, NULL), 0);
    assert_string_equal(open_shards(&t), "2 3 4 5");
    assert_int_equal(kfs_topology_resize(&t, 2, NULL), 0);
    assert_string_equal(open_shards(&t), "6 7");
    assert_int_equal(kfs_topology_resize(&t, 2, NULL), 0);
    assert_int_equal(t.n, 8);
    kfs_topology_release(&t);
}

/* Of every split: SplitShard leaves each child two keys. */
static void assert_splits_possible(const struct kfs_topology *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->shards[i].parent != KFS_NO_SHARD && t->shards[i].adjacent_parent == KFS_NO_SHARD)
            assert_true(t->shards[i].range.start < t->shards[i].range.end);
}

static void resize_to_everything(void **state)
{
    (void)state;
    for (uint32_t from = 1; from <= 12; from++)
        for (uint32_t to = 1; to <= 12; to++) {
            struct kfs_topology t = made(from);
            assert_int_equal(kfs_topology_resize(&t, to, NULL), 0);
            assert_uniform(&t, to);
            assert_int_equal(kfs_topology_resize(&t, from, NULL), 0);
            assert_uniform(&t, from);
            assert_splits_possible(&t);
            kfs_topology_release(&t);
        }
}

/* Boundaries that one SplitShard could not make: next to a shard's edge, in shards of two keys. */
static void resize_after_splits_anywhere(void **state)
{
    kfs_hash middle = (kfs_hash)1 << 127;
    struct kfs_topology t = made(1);

    (void)state;
    assert_int_equal(kfs_topology_split(&t, 0, middle - 1, NULL), 0);
    assert_int_equal(kfs_topology_split(&t, 2, middle + 1, NULL), 0); /* middle - 1 .. middle */
    assert_int_equal(kfs_topology_split(&t, 1, 2, NULL), 0);
    assert_int_equal(kfs_topology_resize(&t, 2, NULL), 0);
    assert_uniform(&t, 2);
    assert_int_equal(kfs_topology_split(&t, t.next_index - 1, KFS_HASH_MAX - 1, NULL), 0);
    assert_int_equal(kfs_topology_resize(&t, 5, NULL), 0);
    assert_uniform(&t, 5);
    assert_splits_possible(&t);
    kfs_topology_release(&t);
}

static void resize_to_the_most(void **state)
{
    struct kfs_topology t = made(1);
    struct kfs_error err;

    (void)state;
    assert_int_equal(kfs_topology_resize(&t, KFS_SHARDS_MAX, NULL), 0);
    assert_int_equal(kfs_topology_open_count(t.shards, t.n), KFS_SHARDS_MAX);
    assert_int_equal(kfs_topology_split(&t, t.next_index - 1, KFS_HASH_MAX - 1, &err), -EDQUOT);
    assert_int_equal(kfs_topology_resize(&t, KFS_SHARDS_MAX / 2, NULL), 0);
    assert_int_equal(kfs_topology_open_count(t.shards, t.n), KFS_SHARDS_MAX / 2);
    assert_int_equal(kfs_topology_resize(&t, 1, NULL), 0);
    assert_int_equal(kfs_topology_open_count(t.shards, t.n), 1);
    kfs_topology_release(&t);
}

static void resize_refuses(void **state)
{
    struct kfs_topology t = made(2);
    struct kfs_error err;

    (void)state;
    assert_int_equal(kfs_topology_resize(&t, 0, &err), -EINVAL);
    assert_int_equal(kfs_topology_resize(&t, KFS_SHARDS_MAX + 1, &err), -EINVAL);
    t.shards[0].range.end--; /* a hole */
    assert_int_equal(kfs_topology_resize(&t, 3, &err), -EIO);
    t.shards[0].range.end += 2; /* an overlap */
    assert_int_equal(kfs_topology_resize(&t, 3, &err), -EIO);
    t.shards[0].range.end = KFS_HASH_MAX;
    t.shards[1].range.start = 0;
    assert_int_equal(kfs_topology_resize(&t, 3, &err), -EIO);
    t.shards[0].closed = t.shards[1].closed = true;
    assert_int_equal(kfs_topology_resize(&t, 3, &err), -EIO);
    assert_int_equal(t.n, 2);
    kfs_topology_release(&t);
}

static void indexes_run_out(void **state)
{
    struct kfs_shard_info last = {.index = KFS_SHARD_INDEX_MAX - 2,
                                  .parent = KFS_NO_SHARD,
                                  .adjacent_parent = KFS_NO_SHARD,
                                  .range = {0, KFS_HASH_MAX}};
    struct kfs_topology t;
    struct kfs_error err;

    (void)state;
    assert_int_equal(kfs_topology_init(&t, &last, 1, (uint32_t)KFS_SHARD_INDEX_MAX - 1), 0);
    assert_int_equal(kfs_topology_split(&t, last.index, 1000, NULL), 0);
    assert_int_equal(t.shards[2].index, KFS_SHARD_INDEX_MAX);
    assert_int_equal(kfs_topology_merge(&t, t.shards[1].index, t.shards[2].index, &err), -EDQUOT);
    assert_string_equal(err.aws_code, "LimitExceededException");
    assert_int_equal(kfs_topology_resize(&t, 3, &err), -EDQUOT);
    assert_int_equal(t.n, 3);
    assert_false(t.shards[1].closed);
    kfs_topology_release(&t);
}

static void scaling_limits_of_the_api(void **state)
{
    struct kfs_error err;

    (void)state;
    assert_int_equal(kfs_topology_check_scaling(2, 4, &err), 0);
    assert_int_equal(kfs_topology_check_scaling(2, 1, &err), 0);
    assert_int_equal(kfs_topology_check_scaling(3, 2, &err), 0);
    assert_int_equal(kfs_topology_check_scaling(7, 4, &err), 0);
    assert_int_equal(kfs_topology_check_scaling(7, 14, &err), 0);
    assert_int_equal(kfs_topology_check_scaling(6000, KFS_SHARDS_MAX, &err), 0);
    assert_int_equal(kfs_topology_check_scaling(7, 3, &err), -EINVAL);
    assert_int_equal(kfs_topology_check_scaling(3, 1, &err), -EINVAL);
    assert_int_equal(kfs_topology_check_scaling(6000, KFS_SHARDS_MAX + 1, &err), -EINVAL);
    assert_int_equal(kfs_topology_check_scaling(1, UINT32_MAX, &err), -EINVAL);
    assert_int_equal(kfs_topology_check_scaling(2, 5, &err), -EINVAL);
    assert_string_equal(err.aws_code, "LimitExceededException");
    assert_string_equal(err.text, "UpdateShardCount cannot scale up over double your current open shard count. Current "
                                  "open shard count: 2, Target shard count: 5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_shares_evenly),
        cmocka_unit_test(owner_at_the_edges),
        cmocka_unit_test(shards_are_found_among_holes),
        cmocka_unit_test(split_makes_a_lower_and_an_upper_half),
        cmocka_unit_test(split_says_what_was_wrong),
        cmocka_unit_test(shards_too_small_are_not_split),
        cmocka_unit_test(merge_wants_an_ordered_pair),
        cmocka_unit_test(closed_shards_name_their_children),
        cmocka_unit_test(resize_as_amazon_did),
        cmocka_unit_test(resize_by_simple_factors),
        cmocka_unit_test(resize_to_everything),
        cmocka_unit_test(resize_after_splits_anywhere),
        cmocka_unit_test(resize_to_the_most),
        cmocka_unit_test(resize_refuses),
        cmocka_unit_test(indexes_run_out),
        cmocka_unit_test(scaling_limits_of_the_api),
    };

    return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
