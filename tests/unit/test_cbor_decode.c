#include "backend/endpoint/cbor.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/tree.h"

#define ARENA_BYTES ((size_t)1 << 20)
#define CASE_BYTES_MAX 256

static struct kfs_arena *arena;
static struct kfs_value value;

static int decode_bytes(const void *data, size_t len)
{
    kfs_arena_free(arena);
    arena = kfs_arena_new(ARENA_BYTES);
    assert_non_null(arena);
    memset(&value, 0, sizeof value);
    return kfs_cbor_decode(arena, (struct kfs_bytes){data, len}, &value);
}

/* CBOR in hexadecimal digits. What it is decoded from stays for as long as the tree. */
static int decode(const char *hex)
{
    static unsigned char bytes[CASE_BYTES_MAX];
    size_t n = 0;

    for (; hex[0] != '\0'; hex += 2) {
        const char pair[] = {hex[0], hex[1], '\0'};
        assert_true(n < sizeof bytes);
        bytes[n++] = (unsigned char)strtoul(pair, NULL, 16);
    }
    return decode_bytes(bytes, n);
}

static int teardown(void **state)
{
    (void)state;
    kfs_arena_free(arena);
    arena = NULL;
    return 0;
}

static void assert_tree(const char *hex, const char *expected)
{
    struct kfs_buf buf;
    int rc = decode(hex);

    if (rc != 0)
        fail_msg("%s: %d", hex, rc);
    kfs_buf_init(&buf, ARENA_BYTES);
    tree_text(KFS_CODEC_JSON, &value, &buf);
    assert_int_equal(kfs_buf_append(&buf, "", 1), 0);
    assert_string_equal(buf.data, expected);
    kfs_buf_release(&buf);
}

/* Examples of RFC 8949, appendix A. */
static void examples_of_the_rfc(void **state)
{
    static const char *const examples[][2] = {
        {"00", "0"},
        {"17", "23"},
        {"1818", "24"},
        {"1903e8", "1000"},
        {"1a000f4240", "1000000"},
        {"1b000000e8d4a51000", "1000000000000"},
        {"20", "-1"},
        {"3903e7", "-1000"},
        {"3a000f423f", "-1000000"},
        {"3b000000e8d4a50fff", "-1000000000000"},
        {"f93c00", "1"},
        {"fa47c35000", "100000"},
        {"fbc010666666666666", "\"-0x1.0666666666666p+2\""},
        {"f4", "false"},
        {"f5", "true"},
        {"f6", "\"null\""},
        {"f7", "\"null\""},
        {"4401020304", "\"AQIDBA==\""},
        {"40", "\"\""},
        {"6449455446", "\"IETF\""},
        {"62c3bc", "\"\xc3\xbc\""},
        {"80", "[]"},
        {"8301820203820405", "[1,[2,3],[4,5]]"},
        {"a0", "{}"},
        {"a26161016162820203", "{\"a\":1,\"b\":[2,3]}"},
        {"5f42010243030405ff", "\"AQIDBAU=\""},
        {"7f657374726561646d696e67ff", "\"streaming\""},
        {"7fff", "\"\""},
        {"9fff", "[]"},
        {"9f018202039f0405ffff", "[1,[2,3],[4,5]]"},
        {"83018202039f0405ff", "[1,[2,3],[4,5]]"},
        {"bf61610161629f0203ffff", "{\"a\":1,\"b\":[2,3]}"},
        {"bf6346756ef563416d7421ff", "{\"Fun\":true,\"Amt\":-2}"},
        {"bf7f61616162ff7f6163ffff", "{\"ab\":\"c\"}"},
        {"d9d9f783010203", "[1,2,3]"}, /* tag 55799 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        assert_tree(examples[i][0], examples[i][1]);
}

static void numbers_beyond_64_bits_are_floating(void **state)
{
    (void)state;
    assert_int_equal(decode("1bffffffffffffffff"), 0);
    assert_false(value.whole);
    assert_true(value.number == 0x1p64);
    assert_int_equal(decode("3bffffffffffffffff"), 0);
    assert_true(value.number == -0x1p64);
    assert_int_equal(decode("1b7fffffffffffffff"), 0);
    assert_true(value.whole && value.integer == INT64_MAX);
    assert_int_equal(decode("3b7fffffffffffffff"), 0);
    assert_true(value.whole && value.integer == INT64_MIN);
    assert_int_equal(decode("f97e00"), 0);
    assert_true(isnan(value.number) && !value.whole);
}

static void assert_time(const char *hex, int64_t ms)
{
    assert_int_equal(decode(hex), 0);
    assert_int_equal(value.type, KFS_VALUE_TIME);
    assert_true(value.whole);
    assert_int_equal(value.integer, ms);
}

static void times_are_milliseconds_or_seconds(void **state)
{
    (void)state;
    assert_time("c11b0000018bcfe5687b", 1700000000123);
    assert_time("c11a6553f100", 1700000000000);
    assert_time("c1fb41d954fc4007df3b", 1700000000123);
    assert_time("c1fa4eca9e02", 1699676416000);
    assert_time("c100", 0);
    assert_time("c11b000000174876e800", 100000000000);
    assert_time("c11b000000174876e7ff", 99999999999000);
    assert_time("c1f97e00", 0); /* not a number */
    assert_time("c1fb7ff0000000000000", INT64_C(1) << 52);
    assert_tree("a16174c11b0000018bcfe5687b", "{\"t\":1700000000.123}");
}

static void what_is_refused(void **state)
{
    static const char *const cases[] = {"",
                                        "18",
                                        "1c",
                                        "f800",
                                        "ff",
                                        "9f",
                                        "bf",
                                        "81",
                                        "a1",
                                        "a16161",
                                        "a10102",
                                        "a1f601",
                                        "bf6161ff",
                                        "0000",
                                        "8001",
                                        "9fff00",
                                        "c249ffffffffffffffffff",
                                        "c34101",
                                        "c1",
                                        "c16161",
                                        "c180",
                                        "c1a0",
                                        "c1f6",
                                        "c1f5",
                                        "bfc1616101ff",
                                        "a1c1616101",
                                        "7f01ff",
                                        "7f4161ff",
                                        "5f6161ff",
                                        "7f7f6161ffff",
                                        "5f80ff",
                                        "7fc06161ff",
                                        "61ff",
                                        "63eda080",
                                        "7f61c361bcff00",
                                        "7f61c3ff",
                                        "bf41610100ff",
                                        "9fc1ff",
                                        "62e4",
                                        "7fa0ff",
                                        "c15f4101ff"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int rc = decode(cases[i]);
        if (rc != -EINVAL)
            fail_msg("%s: %d", cases[i], rc);
    }
}

/* Lengths that the rest of the body cannot hold: nothing is allocated for them. */
static void hostile_lengths(void **state)
{
    static const char *const cases[] = {"9a7fffffff",           "9bffffffffffffffff",     "9b7fffffffffffffff",
                                        "ba7fffffff",           "bb7fffffffffffffff",     "bbffffffffffffffff",
                                        "bb8000000000000001",   "5a7fffffff41",           "5bffffffffffffffff",
                                        "7b7fffffffffffffff61", "9fbbffffffffffffffffff", "9a000000060102030405",
                                        "5bfffffffffffffff0"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int rc = decode(cases[i]);
        if (rc != -EINVAL)
            fail_msg("%s: %d", cases[i], rc);
    }
}

static void depth_is_limited(void **state)
{
    unsigned char bytes[KFS_VALUE_DEPTH_MAX + 2];

    (void)state;
    memset(bytes, 0x81, sizeof bytes);
    bytes[KFS_VALUE_DEPTH_MAX] = 0;
    assert_int_equal(decode_bytes(bytes, KFS_VALUE_DEPTH_MAX + 1), 0);
    bytes[KFS_VALUE_DEPTH_MAX] = 0x81;
    bytes[KFS_VALUE_DEPTH_MAX + 1] = 0;
    assert_int_equal(decode_bytes(bytes, KFS_VALUE_DEPTH_MAX + 2), -EINVAL);
    memset(bytes, 0x9f, sizeof bytes);
    assert_int_equal(decode_bytes(bytes, sizeof bytes), -EINVAL);
}

static void memory_is_limited(void **state)
{
    size_t len = ARENA_BYTES / 8;
    char *bytes = malloc(len);

    (void)state;
    assert_non_null(bytes);
    memset(bytes, 0, len); /* so many zeros */
    bytes[0] = (char)0x9f;
    bytes[len - 1] = (char)0xff;
    assert_int_equal(decode_bytes(bytes, len), -ENOMEM);
    free(bytes);
}

static void the_last_of_a_name_counts(void **state)
{
    (void)state;
    assert_int_equal(decode("a3616101616202616103"), 0);
    assert_int_equal(kfs_value_get(&value, "a")->integer, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_rfc),
        cmocka_unit_test(numbers_beyond_64_bits_are_floating),
        cmocka_unit_test(times_are_milliseconds_or_seconds),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(hostile_lengths),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(memory_is_limited),
        cmocka_unit_test(the_last_of_a_name_counts),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
