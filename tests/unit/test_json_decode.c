#include "backend/base/value.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/tree.h"

#define ARENA_BYTES ((size_t)1 << 20)
#define TEXT_BYTES ((size_t)1 << 20)

static struct kfs_arena *arena;
static struct kfs_value value;

static int decode(const char *text, size_t len)
{
    kfs_arena_free(arena);
    arena = kfs_arena_new(ARENA_BYTES);
    assert_non_null(arena);
    memset(&value, 0, sizeof value);
    return kfs_json_decode(arena, (struct kfs_bytes){text, len}, &value);
}

static int teardown(void **state)
{
    (void)state;
    kfs_arena_free(arena);
    arena = NULL;
    return 0;
}

static void assert_tree(const char *text, const char *expected)
{
    struct kfs_buf buf;

    assert_int_equal(decode(text, strlen(text)), 0);
    kfs_buf_init(&buf, TEXT_BYTES);
    tree_text(KFS_CODEC_JSON, &value, &buf);
    assert_int_equal(kfs_buf_append(&buf, "", 1), 0);
    assert_string_equal(buf.data, expected);
    kfs_buf_release(&buf);
}

static void assert_refused(const char *text)
{
    int rc = decode(text, strlen(text));

    if (rc != -EINVAL)
        fail_msg("%s: %d", text, rc);
}

static void every_kind_of_value(void **state)
{
    (void)state;
    assert_tree("{}", "{}");
    assert_tree("[]", "[]");
    assert_tree(" \t\r\n{ \"a\" : [ 1 , -2 , \"x\" , true , false , null , { } , [ ] ] , \"b\" : {\"c\":\"\"} } \n",
                "{\"a\":[1,-2,\"x\",true,false,\"null\",{},[]],\"b\":{\"c\":\"\"}}");
    assert_tree("\"top\"", "\"top\"");
    assert_tree("17", "17");
    assert_tree("[[1],[2,[3]],4]", "[[1],[2,[3]],4]");
}

static void numbers_are_exact_where_they_fit(void **state)
{
    (void)state;
    assert_tree("[0,-0,9223372036854775807,-9223372036854775808,1e3,1.0,1E+2,50e-1]",
                "[0,0,9223372036854775807,-9223372036854775808,1000,1,100,5]");
    assert_int_equal(decode("1700000000.123", 14), 0);
    assert_false(value.whole);
    assert_true(fabs(value.number - 1700000000.123) < 1e-6);
    assert_int_equal(decode("9223372036854775808", 19), 0);
    assert_false(value.whole);
    assert_true(value.number == 0x1p63);
    assert_int_equal(decode("1e999", 5), 0);
    assert_true(isinf(value.number));
}

static void numbers_that_are_none(void **state)
{
    static const char *const texts[] = {"01",  "-",   "+1",   "1.",  ".5",       "1e",  "1e+",
                                        "0x1", "NaN", "1.e1", "--1", "Infinity", "1 2", "-01"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_refused(texts[i]);
}

static void escapes(void **state)
{
    (void)state;
    assert_tree("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
    assert_tree("\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"", "\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
    assert_tree("{\"\\u0041\":\"long plain text before \\\"it\\\" and after\"}",
                "{\"A\":\"long plain text before \\\"it\\\" and after\"}");
}

static void strings_may_hold_nul(void **state)
{
    (void)state;
    assert_int_equal(decode("{\"a\":\"x\\u0000y\"}", 16), 0);
    const struct kfs_value *a = kfs_value_get(&value, "a");
    assert_non_null(a);
    assert_int_equal(a->bytes.len, 3);
    assert_memory_equal(a->bytes.data, "x\0y", 3);
}

static void strings_that_are_none(void **state)
{
    static const char *const texts[] = {
        "\"",          "\"a",         "\"\\\"",       "\"\\x\"",  "\"\\u12\"",    "\"\\u12g4\"",
        "\"\\ud800\"", "\"\\udc00\"", "\"a\nb\"",     "\"\x01\"", "\"a\\",        "\"\\ud800\\u0041\"",
        "'a'",         "\"\\u\"",     "\"\\ud83d\\u", "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\""};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_refused(texts[i]);
    assert_int_equal(decode("\"a\0b\"", 5), -EINVAL); /* a control character must be escaped */
}

static void what_is_not_json(void **state)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "{",
                                        "}",
                                        "[",
                                        "]",
                                        "{]",
                                        "[}",
                                        "[1,]",
                                        "[,1]",
                                        "{,}",
                                        "{\"a\"}",
                                        "{\"a\":}",
                                        "{a:1}",
                                        "[1 2]",
                                        "{\"a\":1,}",
                                        "{1:2}",
                                        "nul",
                                        "True",
                                        "[1]]",
                                        "{} {}",
                                        "//",
                                        "[1],",
                                        "{\"a\" 1}",
                                        "\xef\xbb\xbf{}",
                                        "[\"a\":1]",
                                        "{\"a\":1 \"b\":2}",
                                        "tru",
                                        "falsey"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_refused(texts[i]);
}

static void the_last_of_a_name_counts(void **state)
{
    static const char text[] = "{\"a\":1,\"b\":2,\"a\":3,\"c\":null}";

    (void)state;
    assert_int_equal(decode(text, sizeof text - 1), 0);
    assert_int_equal(kfs_value_get(&value, "a")->integer, 3);
    assert_int_equal(kfs_value_get(&value, "b")->integer, 2);
    assert_null(kfs_value_get(&value, "c"));
    assert_null(kfs_value_get(&value, "d"));
    assert_int_equal(decode("[1]", 3), 0);
    assert_null(kfs_value_get(&value, "a"));
    assert_null(kfs_value_get(NULL, "a"));
}

static void depth_is_limited(void **state)
{
    char text[2 * KFS_VALUE_DEPTH_MAX + 2];

    (void)state;
    memset(text, '[', KFS_VALUE_DEPTH_MAX);
    memset(text + KFS_VALUE_DEPTH_MAX, ']', KFS_VALUE_DEPTH_MAX);
    assert_int_equal(decode(text, (size_t)2 * KFS_VALUE_DEPTH_MAX), 0);
    memset(text, '[', KFS_VALUE_DEPTH_MAX + 1);
    memset(text + KFS_VALUE_DEPTH_MAX + 1, ']', KFS_VALUE_DEPTH_MAX + 1);
    assert_int_equal(decode(text, (size_t)2 * KFS_VALUE_DEPTH_MAX + 2), -EINVAL);
}

/* A tree that is larger than the arena, however it is spelt. */
static void memory_is_limited(void **state)
{
    static const char *const items[] = {"[],", "{},", "1,", "\"\\\\aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","};

    (void)state;
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        struct kfs_buf text;
        kfs_buf_init(&text, 4 * ARENA_BYTES);
        assert_int_equal(kfs_buf_append(&text, "[", 1), 0);
        while (text.len < 2 * ARENA_BYTES)
            assert_int_equal(kfs_buf_append(&text, items[i], strlen(items[i])), 0);
        assert_int_equal(kfs_buf_append(&text, "0]", 2), 0);
        assert_int_equal(decode(text.data, text.len), -ENOMEM);
        kfs_buf_release(&text);
    }
}

static void arena_gives_what_it_was_given(void **state)
{
    struct kfs_arena *small = kfs_arena_new(100);

    (void)state;
    assert_non_null(small);
    assert_null(kfs_arena_alloc(small, 101));
    assert_null(kfs_arena_alloc(small, SIZE_MAX));
    char *first = kfs_arena_alloc(small, 40);
    char *second = kfs_arena_alloc(small, 40);
    assert_non_null(first);
    assert_non_null(second);
    memset(first, 1, 40);
    assert_int_equal(second[0], 0);
    assert_null(kfs_arena_alloc(small, 40));
    kfs_arena_free(small);
    kfs_arena_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value),
        cmocka_unit_test(numbers_are_exact_where_they_fit),
        cmocka_unit_test(numbers_that_are_none),
        cmocka_unit_test(escapes),
        cmocka_unit_test(strings_may_hold_nul),
        cmocka_unit_test(strings_that_are_none),
        cmocka_unit_test(what_is_not_json),
        cmocka_unit_test(the_last_of_a_name_counts),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(memory_is_limited),
        cmocka_unit_test(arena_gives_what_it_was_given),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
