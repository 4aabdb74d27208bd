#include "backend/base/hashkey.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TWO_128_LESS_1 "340282366920938463463374607431768211455"
#define TWO_128 "340282366920938463463374607431768211456"

#define THREADS 8

static void assert_text(kfs_hash hash, const char *want)
{
    char text[KFS_HASH_DIGITS_MAX + 1];

    assert_int_equal(kfs_hash_print(hash, text), strlen(want));
    assert_string_equal(text, want);
}

static void assert_range(uint32_t i, uint32_t n, const char *start, const char *end)
{
    struct kfs_hash_range range = kfs_hash_uniform(i, n);

    assert_text(range.start, start);
    assert_text(range.end, end);
}

static void one_range_is_everything(void **state)
{
    (void)state;
    assert_range(0, 1, "0", TWO_128_LESS_1);
}

static void two_ranges_as_amazon_makes_them(void **state)
{
    (void)state;
    assert_range(0, 2, "0", "170141183460469231731687303715884105727");
    assert_range(1, 2, "170141183460469231731687303715884105728", TWO_128_LESS_1);
}

static void three_ranges_as_amazon_makes_them(void **state)
{
    (void)state;
    assert_range(0, 3, "0", "113427455640312821154458202477256070484");
    assert_range(1, 3, "113427455640312821154458202477256070485", "226854911280625642308916404954512140969");
    assert_range(2, 3, "226854911280625642308916404954512140970", TWO_128_LESS_1);
}

static void ranges_join_without_gap(void **state)
{
    static const uint32_t counts[] = {1, 2, 3, 4, 5, 6, 7, 100, 255, 256, 1000, 10000};

    (void)state;
    for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
        kfs_hash expect = 0;
        for (uint32_t i = 0; i < counts[k]; i++) {
            struct kfs_hash_range range = kfs_hash_uniform(i, counts[k]);
            assert_true(range.start == expect);
            assert_true(range.start <= range.end);
            expect = range.end + 1;
        }
        assert_true(expect == 0); /* 2^128 */
    }
}

static void the_largest_count_works(void **state)
{
    struct kfs_hash_range first = kfs_hash_uniform(0, UINT32_MAX);
    struct kfs_hash_range last = kfs_hash_uniform(UINT32_MAX - 1, UINT32_MAX);

    (void)state;
    /* 2^128 - 1 is a multiple of 2^32 - 1, so the last range is one wider. */
    assert_true(first.end - first.start + 2 == last.end - last.start + 1);
    assert_true(last.end == KFS_HASH_MAX);
}

static void ranges_include_both_ends(void **state)
{
    struct kfs_hash_range range = {.start = 10, .end = 20};

    (void)state;
    assert_false(kfs_hash_in(&range, 9));
    assert_true(kfs_hash_in(&range, 10));
    assert_true(kfs_hash_in(&range, 20));
    assert_false(kfs_hash_in(&range, 21));

    range = kfs_hash_uniform(0, 1);
    assert_true(kfs_hash_in(&range, 0));
    assert_true(kfs_hash_in(&range, KFS_HASH_MAX));
}

static void text_round_trips(void **state)
{
    static const char *const cases[] = {
        "0",
        "1",
        "9",
        "10",
        "18446744073709551615",
        "18446744073709551616",
        "9999999999999999999",
        "10000000000000000000",
        "10000000000000000001",
        "99999999999999999999999999999999999999",
        "100000000000000000000000000000000000000",
        TWO_128_LESS_1,
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        kfs_hash hash;
        assert_int_equal(kfs_hash_parse(cases[i], strlen(cases[i]), &hash), 0);
        assert_text(hash, cases[i]);
    }
}

static void bad_text_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "00",
        "01",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1a",
        "0x1",
        ":",
        "/",
        TWO_128,
        "999999999999999999999999999999999999999",
        "1000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000001",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        kfs_hash hash = 77;
        assert_int_equal(kfs_hash_parse(cases[i], strlen(cases[i]), &hash), -EINVAL);
        assert_true(hash == 77);
    }
}

static void only_len_bytes_are_read(void **state)
{
    kfs_hash hash;

    (void)state;
    assert_int_equal(kfs_hash_parse("12x", 2, &hash), 0);
    assert_true(hash == 12);
}

static void keys_hash_by_md5(void **state)
{
    char long_key[1024];

    (void)state;
    memset(long_key, 'x', sizeof long_key);
    assert_text(kfs_hash_of_key("", 0), "281949768489412648962353822266799178366");
    assert_text(kfs_hash_of_key("a", 1), "16955237001963240173058271559858726497");
    assert_text(kfs_hash_of_key("partitionKey-0", 14), "283893945402358862714065952676399797471");
    assert_text(kfs_hash_of_key(long_key, sizeof long_key), "152061379053530400104194753986382193833");
}

static void *hash_many(void *arg)
{
    kfs_hash *sum = arg;

    for (int i = 0; i < 1000; i++)
        *sum += kfs_hash_of_key(&i, sizeof i);
    return NULL;
}

static void threads_hash_at_once(void **state)
{
    pthread_t threads[THREADS];
    kfs_hash sums[THREADS] = {0};

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hash_many, &sums[i]), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 1; i < THREADS; i++)
        assert_true(sums[i] == sums[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First, so that the threads race for the algorithm too. */
        cmocka_unit_test(threads_hash_at_once),
        cmocka_unit_test(one_range_is_everything),
        cmocka_unit_test(two_ranges_as_amazon_makes_them),
        cmocka_unit_test(three_ranges_as_amazon_makes_them),
        cmocka_unit_test(ranges_join_without_gap),
        cmocka_unit_test(the_largest_count_works),
        cmocka_unit_test(ranges_include_both_ends),
        cmocka_unit_test(text_round_trips),
        cmocka_unit_test(bad_text_is_refused),
        cmocka_unit_test(only_len_bytes_are_read),
        cmocka_unit_test(keys_hash_by_md5),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
