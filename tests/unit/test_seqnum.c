#include "backend/base/seqnum.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Printed in Amazon's documentation. */
#define PUBLISHED "49590338271490256608559692538361571095921575989136588898"
#define SHARD_STEP "22300745198530623141535718272648361505980432"
#define TWO_192_LESS_1 "6277101735386680763835789423207666416102355444464034512895"
#define TWO_192 "6277101735386680763835789423207666416102355444464034512896"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define LIMIT_36 UINT64_C(0xfffffffff)
#define LIMIT_31 UINT32_C(0x7fffffff)

static struct kfs_seq parse(const char *text)
{
    struct kfs_seq seq;

    assert_int_equal(kfs_seq_parse(text, strlen(text), &seq), 0);
    return seq;
}

static void assert_refused(const char *text, size_t len)
{
    struct kfs_seq seq;
    struct kfs_seq before;

    memset(&before, 0x5a, sizeof before);
    seq = before;
    assert_int_equal(kfs_seq_parse(text, len, &seq), -EINVAL);
    assert_memory_equal(&seq, &before, sizeof seq);
}

static void assert_text(const struct kfs_seq *seq, const char *want)
{
    char text[KFS_SEQ_DIGITS_MAX + 1];

    assert_int_equal(kfs_seq_print(seq, text), strlen(want));
    assert_string_equal(text, want);
}

static struct kfs_seq add(const struct kfs_seq *a, const struct kfs_seq *b)
{
    struct kfs_seq sum;
    unsigned carry = 0;

    for (int i = KFS_SEQ_BYTES - 1; i >= 0; i--) {
        carry += (unsigned)a->b[i] + b->b[i];
        sum.b[i] = (uint8_t)carry;
        carry >>= 8;
    }
    return sum;
}

static void published_number_splits(void **state)
{
    struct kfs_seq seq = parse(PUBLISHED);
    struct kfs_seq_parts parts;

    (void)state;
    assert_true(kfs_seq_split(&seq, &parts));
    assert_int_equal(parts.created_s, 1542776258);
    assert_int_equal(parts.position, 1734642199);
    assert_int_equal(parts.time_s, 1545084650);
    assert_int_equal(parts.shard, 6);
}

static void published_number_is_made_and_printed(void **state)
{
    struct kfs_seq_parts parts = {.created_s = 1542776258, .position = 1734642199, .time_s = 1545084650, .shard = 6};
    struct kfs_seq seq = kfs_seq_make(&parts);

    (void)state;
    assert_text(&seq, PUBLISHED);
}

static void consecutive_initial_shards_differ_by_the_published_step(void **state)
{
    struct kfs_seq step = parse(SHARD_STEP);

    (void)state;
    for (uint32_t shard = 0; shard < 15; shard++) {
        struct kfs_seq_parts parts = {.created_s = 1542776258, .time_s = 1542776258, .shard = shard};
        struct kfs_seq a = kfs_seq_make(&parts);
        parts.shard = shard + 1;
        struct kfs_seq b = kfs_seq_make(&parts);
        struct kfs_seq sum = add(&a, &step);
        assert_int_equal(kfs_seq_cmp(&sum, &b), 0);
    }
}

static void parts_round_trip_at_their_limits(void **state)
{
    static const struct kfs_seq_parts cases[] = {
        {0, 0, 0, 0},
        {LIMIT_36, 0, 0, 0},
        {0, KFS_SEQ_POSITION_MAX, 0, 0},
        {0, 0, LIMIT_36, 0},
        {0, 0, 0, LIMIT_31},
        {LIMIT_36, KFS_SEQ_POSITION_MAX, LIMIT_36, LIMIT_31},
        {UINT64_C(0x123456789), UINT64_C(0x1122334455667788), UINT64_C(0x987654321), 0x1abcdef5},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kfs_seq seq = kfs_seq_make(&cases[i]);
        struct kfs_seq_parts parts;
        assert_true(kfs_seq_split(&seq, &parts));
        assert_int_equal(parts.created_s, cases[i].created_s);
        assert_int_equal(parts.position, cases[i].position);
        assert_int_equal(parts.time_s, cases[i].time_s);
        assert_int_equal(parts.shard, cases[i].shard);
    }
}

static void parts_out_of_range_are_cut(void **state)
{
    struct kfs_seq_parts wide = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT32_MAX};
    struct kfs_seq_parts cut = {LIMIT_36, KFS_SEQ_POSITION_MAX, LIMIT_36, LIMIT_31};
    struct kfs_seq a = kfs_seq_make(&wide);
    struct kfs_seq b = kfs_seq_make(&cut);

    (void)state;
    assert_int_equal(kfs_seq_cmp(&a, &b), 0);
}

static void other_layouts_do_not_split(void **state)
{
    static const struct {
        int byte;
        uint8_t flip;
    } cases[] = {
        {0, 0x01},  /* the leading 2 */
        {0, 0x10},  /* a 48th digit */
        {5, 0x01},  /* digit 10 not the shard's */
        {6, 0x80},  /* a 64th bit of the position */
        {14, 0x01}, /* digits 27..28 not 0 */
        {14, 0x80}, /* the same */
        {19, 0x08}, /* a 32nd bit of the shard index */
        {23, 0x01}, /* the version */
    };
    struct kfs_seq_parts before;
    struct kfs_seq_parts parts;

    (void)state;
    memset(&before, 0x5a, sizeof before);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kfs_seq seq = parse(PUBLISHED);
        seq.b[cases[i].byte] ^= cases[i].flip;
        memcpy(&parts, &before, sizeof parts);
        assert_false(kfs_seq_split(&seq, &parts));
        assert_memory_equal(&parts, &before, sizeof parts);
    }
}

static void zero_is_none(void **state)
{
    struct kfs_seq seq = parse("0");
    struct kfs_seq_parts parts;

    (void)state;
    assert_true(kfs_seq_is_none(&seq));
    assert_false(kfs_seq_split(&seq, &parts));
    assert_text(&seq, "0");
    for (int i = 0; i < KFS_SEQ_BYTES; i++) {
        struct kfs_seq one_bit = {{0}};
        one_bit.b[i] = 1;
        assert_false(kfs_seq_is_none(&one_bit));
    }
}

static void order_is_by_number_not_by_text(void **state)
{
    struct kfs_seq nine = parse("9");
    struct kfs_seq ten = parse("10");
    struct kfs_seq most = parse(TWO_192_LESS_1);

    (void)state;
    assert_true(kfs_seq_cmp(&nine, &ten) < 0);
    assert_true(kfs_seq_cmp(&ten, &nine) > 0);
    assert_true(kfs_seq_cmp(&most, &ten) > 0);
    assert_int_equal(kfs_seq_cmp(&ten, &ten), 0);
}

static void next_is_made_of_the_next_position(void **state)
{
    static const uint64_t positions[] = {0,
                                         1,
                                         0xff,
                                         UINT64_C(0xffffffff),
                                         UINT64_C(0xffffffffffff),
                                         UINT64_C(0x1fffffffffffff),
                                         KFS_SEQ_POSITION_MAX - 1};
    static const uint64_t times[] = {0, 0xff, UINT64_C(0xfffffff), UINT64_C(0x10000000), LIMIT_36};

    (void)state;
    for (size_t i = 0; i < COUNT(positions); i++) {
        for (size_t j = 0; j < COUNT(times); j++) {
            struct kfs_seq_parts parts = {1542776258, positions[i], times[(i + j) % COUNT(times)], 0x7abcdef6};
            struct kfs_seq seq = kfs_seq_make(&parts);
            struct kfs_seq next = seq;
            kfs_seq_advance(&next, times[j]);
            parts.position++;
            parts.time_s = times[j];
            struct kfs_seq want = kfs_seq_make(&parts);
            assert_memory_equal(&next, &want, sizeof next);
            assert_true(kfs_seq_cmp(&seq, &next) < 0);
        }
    }
}

static void next_cuts_the_time(void **state)
{
    struct kfs_seq seq = parse(PUBLISHED);
    struct kfs_seq a = seq;
    struct kfs_seq b = seq;

    kfs_seq_advance(&a, UINT64_MAX);
    kfs_seq_advance(&b, LIMIT_36);

    (void)state;
    assert_memory_equal(&a, &b, sizeof a);
}

static void next_of_the_last_position_is_greater_and_refused(void **state)
{
    struct kfs_seq_parts parts = {1, KFS_SEQ_POSITION_MAX, 1, 1};
    struct kfs_seq seq = kfs_seq_make(&parts);
    struct kfs_seq next = seq;

    kfs_seq_advance(&next, 1);

    (void)state;
    assert_true(kfs_seq_cmp(&next, &seq) > 0);
    assert_false(kfs_seq_split(&next, &parts));
}

static void next_of_a_foreign_number_keeps_the_rest(void **state)
{
    struct kfs_seq seq;
    struct kfs_seq want;

    (void)state;
    memset(&seq, 0xab, sizeof seq);
    want = seq;
    want.b[13] = 0xac;
    memset(want.b + 15, 0, 4);
    want.b[19] = 0x0b;
    kfs_seq_advance(&seq, 0);
    assert_memory_equal(&seq, &want, sizeof seq);
}

static void text_round_trips(void **state)
{
    static const char *const cases[] = {
        "0",
        "1",
        "999999999",
        "1000000000",
        "1000000001",
        "999999999999999999",
        "1000000000000000000",
        "18446744073709551616",
        "999999999999999999999999999",
        PUBLISHED,
        "1000000000000000000000000000000000000000000000000000000000",
        TWO_192_LESS_1,
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kfs_seq seq = parse(cases[i]);
        assert_text(&seq, cases[i]);
    }
}

static void random_numbers_round_trip(void **state)
{
    (void)state;
    srandom(1);
    for (int i = 0; i < 10000; i++) {
        char text[KFS_SEQ_DIGITS_MAX + 1];
        struct kfs_seq seq = {{0}};
        for (int j = i % (KFS_SEQ_BYTES + 1); j < KFS_SEQ_BYTES; j++)
            seq.b[j] = (uint8_t)random();
        size_t len = kfs_seq_print(&seq, text);
        struct kfs_seq back;
        assert_int_equal(kfs_seq_parse(text, len, &back), 0);
        assert_memory_equal(&seq, &back, sizeof seq);
    }
}

static void largest_number_is_all_ones(void **state)
{
    struct kfs_seq seq = parse(TWO_192_LESS_1);
    struct kfs_seq ones;

    (void)state;
    memset(&ones, 0xff, sizeof ones);
    assert_memory_equal(&seq, &ones, sizeof seq);
}

static void leading_zeros_are_read_and_not_printed(void **state)
{
    struct kfs_seq seq = parse("0000000000000000000000000000000000000000000000000000000042");

    (void)state;
    assert_text(&seq, "42");
}

static void bad_text_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        " 1",
        "1 ",
        "+1",
        "-1",
        "1a",
        "0x1",
        "123456789:",
        "/",
        "12345678901234567890123456789012345678901234567890123456789", /* 59 digits */
        "00000000000000000000000000000000000000000000000000000000000",
        "9999999999999999999999999999999999999999999999999999999999",
        TWO_192,
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_refused(cases[i], strlen(cases[i]));
    assert_refused("1\0002", 3);
}

static void every_digit_is_looked_at(void **state)
{
    char text[] = "12345678901234567890123456789";

    (void)state;
    for (size_t at = 0; at < sizeof text - 1; at++) {
        char digit = text[at];
        for (int c = 0; c < 256; c++) {
            text[at] = (char)c;
            if (c < '0' || c > '9')
                assert_refused(text, sizeof text - 1);
        }
        text[at] = digit;
    }
}

static void only_len_bytes_are_read(void **state)
{
    struct kfs_seq seq;

    (void)state;
    assert_int_equal(kfs_seq_parse("123x", 3, &seq), 0);
    assert_text(&seq, "123");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_number_splits),
        cmocka_unit_test(published_number_is_made_and_printed),
        cmocka_unit_test(consecutive_initial_shards_differ_by_the_published_step),
        cmocka_unit_test(parts_round_trip_at_their_limits),
        cmocka_unit_test(parts_out_of_range_are_cut),
        cmocka_unit_test(other_layouts_do_not_split),
        cmocka_unit_test(zero_is_none),
        cmocka_unit_test(order_is_by_number_not_by_text),
        cmocka_unit_test(next_is_made_of_the_next_position),
        cmocka_unit_test(next_cuts_the_time),
        cmocka_unit_test(next_of_the_last_position_is_greater_and_refused),
        cmocka_unit_test(next_of_a_foreign_number_keeps_the_rest),
        cmocka_unit_test(text_round_trips),
        cmocka_unit_test(random_numbers_round_trip),
        cmocka_unit_test(largest_number_is_all_ones),
        cmocka_unit_test(leading_zeros_are_read_and_not_printed),
        cmocka_unit_test(bad_text_is_refused),
        cmocka_unit_test(every_digit_is_looked_at),
        cmocka_unit_test(only_len_bytes_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
