#include "backend/base/out.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT_MAX ((size_t)1 << 20)

static struct kfs_buf buf;
static struct kfs_out out;

static void begin(enum kfs_codec codec)
{
    kfs_buf_release(&buf);
    kfs_buf_init(&buf, TEXT_MAX);
    kfs_out_init(&out, codec, &buf);
}

static int teardown(void **state)
{
    (void)state;
    kfs_buf_release(&buf);
    return 0;
}

static void assert_text(const char *expected)
{
    assert_int_equal(out.error, 0);
    assert_int_equal(kfs_buf_append(&buf, "", 1), 0);
    assert_string_equal(buf.data, expected);
}

static void assert_hex(const char *expected)
{
    char *hex = calloc(2, buf.len + 1);

    assert_non_null(hex);
    assert_int_equal(out.error, 0);
    for (size_t i = 0; i < buf.len; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", (unsigned)(unsigned char)buf.data[i]);
    assert_string_equal(hex, expected);
    free(hex);
}

static void print_response(void)
{
    kfs_out_map(&out, NULL);
    kfs_out_int(&out, "MillisBehindLatest", 0);
    kfs_out_list(&out, "Records");
    kfs_out_map(&out, NULL);
    kfs_out_blob(&out, "Data", (struct kfs_bytes){"hi", 2});
    kfs_out_time_ms(&out, "Time", 1506440188749);
    kfs_out_map_end(&out);
    kfs_out_map(&out, NULL);
    kfs_out_map_end(&out);
    kfs_out_list_end(&out);
    kfs_out_list(&out, "Names");
    kfs_out_string(&out, NULL, "a");
    kfs_out_text(&out, NULL, (struct kfs_bytes){"bc", 2});
    kfs_out_bool(&out, NULL, true);
    kfs_out_bool(&out, NULL, false);
    kfs_out_list_end(&out);
    kfs_out_map_end(&out);
}

static void a_response_in_json(void **state)
{
    (void)state;
    begin(KFS_CODEC_JSON);
    print_response();
    assert_text("{\"MillisBehindLatest\":0,\"Records\":[{\"Data\":\"aGk=\",\"Time\":1506440188.749},{}],"
                "\"Names\":[\"a\",\"bc\",true,false]}");
}

static void a_response_in_cbor(void **state)
{
    (void)state;
    begin(KFS_CODEC_CBOR);
    print_response();
    assert_hex("bf724d696c6c6973426568696e644c617465737400" /* MillisBehindLatest: 0 */
               "675265636f7264739f"                         /* Records */
               "bf6444617461426869"                         /* Data: h'6869' */
               "6454696d65c11b0000015ebed5134d"             /* Time: 1(1506440188749) */
               "ffbfffff"
               "654e616d65739f6161626263f5f4ffff");
}

static void integers(void **state)
{
    static const struct {
        int64_t value;
        const char *json;
        const char *cbor;
    } cases[] = {
        {0, "0", "00"},
        {23, "23", "17"},
        {24, "24", "1818"},
        {255, "255", "18ff"},
        {256, "256", "190100"},
        {65536, "65536", "1a00010000"},
        {INT64_C(4294967296), "4294967296", "1b0000000100000000"},
        {INT64_MAX, "9223372036854775807", "1b7fffffffffffffff"},
        {-1, "-1", "20"},
        {-25, "-25", "3818"},
        {INT64_MIN, "-9223372036854775808", "3b7fffffffffffffff"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(KFS_CODEC_JSON);
        kfs_out_int(&out, NULL, cases[i].value);
        assert_text(cases[i].json);
        begin(KFS_CODEC_CBOR);
        kfs_out_int(&out, NULL, cases[i].value);
        assert_hex(cases[i].cbor);
    }
}

static void times_have_no_more_decimals_than_needed(void **state)
{
    static const struct {
        uint64_t ms;
        const char *json;
    } cases[] = {
        {0, "0"},
        {5, "0.005"},
        {120, "0.12"},
        {1500, "1.5"},
        {1700000000000, "1700000000"},
        {1700000000001, "1700000000.001"},
        {1700000000990, "1700000000.99"},
        {UINT64_MAX, "18446744073709551.615"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(KFS_CODEC_JSON);
        kfs_out_time_ms(&out, NULL, cases[i].ms);
        assert_text(cases[i].json);
    }
    begin(KFS_CODEC_CBOR);
    kfs_out_time_ms(&out, NULL, 1700000000123);
    assert_hex("c11b0000018bcfe5687b");
}

static void text_of_others_becomes_utf8(void **state)
{
    (void)state;
    begin(KFS_CODEC_JSON);
    kfs_out_foreign(&out, "k", (struct kfs_bytes){"\xc3\xbc\"", 3});
    kfs_out_foreign(&out, "l", (struct kfs_bytes){"a\xfc\"\x80\xc3", 5});
    assert_text("\"k\":\"\xc3\xbc\\\"\",\"l\":\"a\xc3\xbc\\\"\xc2\x80\xc3\x83\"");
    begin(KFS_CODEC_CBOR);
    kfs_out_foreign(&out, NULL, (struct kfs_bytes){"\xff", 1});
    assert_hex("62c3bf");
}

static void text_is_escaped(void **state)
{
    (void)state;
    begin(KFS_CODEC_JSON);
    kfs_out_text(&out, "k\"", (struct kfs_bytes){"a\"\\\n\x01\0\xc3\xbc", 8});
    assert_text("\"k\\\"\":\"a\\\"\\\\\\n\\u0001\\u0000\xc3\xbc\"");
    begin(KFS_CODEC_JSON);
    kfs_out_text(&out, NULL, (struct kfs_bytes){NULL, 0});
    kfs_out_blob(&out, NULL, (struct kfs_bytes){NULL, 0});
    assert_text("\"\",\"\"");
    begin(KFS_CODEC_CBOR);
    kfs_out_text(&out, NULL, (struct kfs_bytes){NULL, 0});
    kfs_out_blob(&out, NULL, (struct kfs_bytes){NULL, 0});
    assert_hex("6040");
}

static void an_error_stays(void **state)
{
    char text[300] = {0};

    (void)state;
    for (size_t max = 0; max < 100; max++) {
        begin(KFS_CODEC_JSON);
        buf.max = max;
        print_response();
        assert_int_equal(out.error, -EMSGSIZE);
        assert_true(buf.len <= max);
    }
    begin(KFS_CODEC_CBOR);
    buf.max = 64;
    kfs_out_blob(&out, "k", (struct kfs_bytes){text, sizeof text});
    kfs_out_int(&out, "l", 1); /* would fit */
    assert_int_equal(out.error, -EMSGSIZE);
    assert_int_equal(buf.len, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_response_in_json),
        cmocka_unit_test(a_response_in_cbor),
        cmocka_unit_test(integers),
        cmocka_unit_test(times_have_no_more_decimals_than_needed),
        cmocka_unit_test(text_of_others_becomes_utf8),
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(an_error_stays),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
