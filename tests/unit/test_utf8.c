#include "backend/base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Longer than the longest step of the path for ASCII, more than twice. */
#define PADDING 80

/* The encoding by its definition; returns the length. */
static size_t encode(uint32_t c, uint8_t out[4])
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

static void empty_text_is_valid(void **state)
{
    (void)state;
    assert_true(kfs_utf8_valid(NULL, 0));
    assert_true(kfs_utf8_valid("", 0));
    assert_int_equal(kfs_utf8_count(NULL, 0), 0);
}

static void every_character_is_valid_but_surrogates(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        uint8_t text[4];
        size_t len = encode(c, text);
        assert_int_equal(kfs_utf8_valid(text, len), c < 0xd800 || c > 0xdfff);
        assert_int_equal(kfs_utf8_count(text, len), 1);
    }
}

static void nothing_after_the_last_character(void **state)
{
    (void)state;
    for (uint32_t c = 0x110000; c <= 0x1fffff; c++) {
        uint8_t text[4];
        size_t len = encode(c, text);
        assert_false(kfs_utf8_valid(text, len));
    }
}

/* Of all pairs of bytes those are valid that characters encode to. */
static void all_pairs_of_bytes(void **state)
{
    (void)state;
    for (unsigned a = 0; a < 256; a++) {
        uint8_t one[1] = {(uint8_t)a};
        assert_int_equal(kfs_utf8_valid(one, 1), a < 0x80);
        for (unsigned b = 0; b < 256; b++) {
            uint8_t two[2] = {(uint8_t)a, (uint8_t)b};
            int want = (a < 0x80 && b < 0x80) || (a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf);
            assert_int_equal(kfs_utf8_valid(two, 2), want);
        }
    }
}

static const struct {
    const char *bytes;
    size_t len;
} bad[] = {
    {"\x80", 1}, /* a tail alone */
    {"\xbf", 1},
    {"\xc0\x80", 2},                 /* overlong NUL */
    {"\xc1\xbf", 2},                 /* overlong DEL */
    {"\xe0\x80\x80", 3},             /* overlong */
    {"\xe0\x9f\xbf", 3},             /* overlong U+07FF */
    {"\xf0\x80\x80\x80", 4},         /* overlong */
    {"\xf0\x8f\xbf\xbf", 4},         /* overlong U+FFFF */
    {"\xed\xa0\x80", 3},             /* U+D800 */
    {"\xed\xbf\xbf", 3},             /* U+DFFF */
    {"\xed\xa1\x8c\xed\xbe\xb4", 6}, /* CESU-8 */
    {"\xf4\x90\x80\x80", 4},         /* U+110000 */
    {"\xf5\x80\x80\x80", 4},
    {"\xf8\x88\x80\x80\x80", 5}, /* five bytes, of the first UTF-8 */
    {"\xfc\x84\x80\x80\x80\x80", 6},
    {"\xfe", 1},
    {"\xff", 1},
    {"\xc3", 1}, /* cut */
    {"\xe2\x82", 2},
    {"\xf0\x9f\x98", 3},
    {"\xc3(", 2}, /* no tail */
    {"\xe2(\xa1", 3},
    {"\xe2\x82(", 3},
    {"\xf0\x9f(\xbc", 4},
    {"\xf0\x9f\x98(", 4},
    {"\xf0(\x8c\xbc", 4},
};

static void bad_sequences_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(kfs_utf8_valid(bad[i].bytes, bad[i].len));
}

/* Anywhere in ASCII of any length, so that no step of the quick path hides it. The
 * block has the exact size, so that a sanitizer sees a read behind it. */
static void bad_sequences_are_found_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        for (size_t before = 0; before < PADDING; before++) {
            size_t len = before + bad[i].len + (before * 7 + i) % PADDING;
            char *text = malloc(len);
            assert_non_null(text);
            memset(text, 'a', len);
            assert_true(kfs_utf8_valid(text, len));
            memcpy(text + before, bad[i].bytes, bad[i].len);
            assert_false(kfs_utf8_valid(text, len));
            free(text);
        }
    }
}

static void good_characters_are_found_anywhere(void **state)
{
    static const char *const good[] = {"\xc2\x80",     "\xdf\xbf",         "\xe2\x82\xac",
                                       "\xef\xbf\xbf", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"};

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        for (size_t before = 0; before < PADDING; before++) {
            size_t width = strlen(good[i]);
            size_t after = (before * 7 + i) % PADDING;
            char *text = malloc(before + width + after);
            assert_non_null(text);
            memset(text, 'a', before + width + after);
            memcpy(text + before, good[i], width);
            assert_true(kfs_utf8_valid(text, before + width + after));
            assert_int_equal(kfs_utf8_count(text, before + width + after), before + 1 + after);
            /* Cut inside the character. */
            assert_false(kfs_utf8_valid(text, before + width - 1));
            free(text);
        }
    }
}

static void random_characters_are_counted(void **state)
{
    (void)state;
    srandom(5);
    for (int i = 0; i < 2000; i++) {
        uint8_t text[4 * 100];
        size_t len = 0;
        size_t want = (size_t)random() % 100;
        for (size_t j = 0; j < want; j++) {
            uint32_t c = (uint32_t)random() & ((1U << (7 + 4 * (random() % 4))) - 1);
            len += encode(c >= 0xd800 && c <= 0xdfff ? 'x' : c % 0x110000, text + len);
        }
        assert_true(kfs_utf8_valid(text, len));
        assert_int_equal(kfs_utf8_count(text, len), want);
    }
}

static void a_nul_is_a_character(void **state)
{
    (void)state;
    assert_true(kfs_utf8_valid("a\0b", 3));
    assert_int_equal(kfs_utf8_count("a\0b", 3), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_text_is_valid),
        cmocka_unit_test(every_character_is_valid_but_surrogates),
        cmocka_unit_test(nothing_after_the_last_character),
        cmocka_unit_test(all_pairs_of_bytes),
        cmocka_unit_test(bad_sequences_are_refused),
        cmocka_unit_test(bad_sequences_are_found_anywhere),
        cmocka_unit_test(good_characters_are_found_anywhere),
        cmocka_unit_test(random_characters_are_counted),
        cmocka_unit_test(a_nul_is_a_character),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
