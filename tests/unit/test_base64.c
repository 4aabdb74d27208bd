#include "backend/base/base64.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BYTES_MAX 100

static void vectors_of_rfc_4648(void **state)
{
    static const char *const vectors[][2] = {{"", ""},
                                             {"f", "Zg=="},
                                             {"fo", "Zm8="},
                                             {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="},
                                             {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"},
                                             {"\xfb\xff\xbf", "+/+/"}};

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char text[16] = {0};
        size_t len = strlen(vectors[i][0]);
        assert_int_equal(kfs_base64_len(len), strlen(vectors[i][1]));
        kfs_base64_encode(vectors[i][0], len, text);
        assert_string_equal(text, vectors[i][1]);
        assert_int_equal(kfs_base64_decode(text, strlen(text), text), len); /* in place */
        assert_memory_equal(text, vectors[i][0], len);
    }
}

/* Every pair of bytes at every place in a group. */
static void what_is_encoded_is_decoded(void **state)
{
    (void)state;
    for (uint32_t pair = 0; pair <= UINT16_MAX; pair++) {
        uint8_t data[5] = {0x5a, 0x5a, 0x5a, 0x5a, 0x5a};
        uint8_t back[6];
        char text[8];
        size_t at = pair % 4;
        data[at] = (uint8_t)(pair >> 8);
        data[at + 1] = (uint8_t)pair;
        for (size_t len = 0; len <= sizeof data; len++) {
            kfs_base64_encode(data, len, text);
            assert_int_equal(kfs_base64_decode(text, kfs_base64_len(len), back), len);
            assert_memory_equal(back, data, len);
        }
    }
}

static void only_canonical_text_is_decoded(void **state)
{
    static const char *const texts[] = {
        "Z",     "Zg",       "Zg=",  "Zh==",  "Zm9=", "====", "Z===",       "=m9v",   "Zm=v",
        "Zm9v=", "Zg==Zg==", "Zm 9", "Zm9\n", "Zm9-", "Zm9_", "Zm\xc3\xbc", "Zm9vZm8"};
    char data[BYTES_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (kfs_base64_decode(texts[i], strlen(texts[i]), data) != -EINVAL)
            fail_msg("%s", texts[i]);
    }
    for (unsigned c = 0; c < 256; c++) {
        char text[] = {'Z', (char)c, '9', 'v'};
        bool digit = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '+' || c == '/';
        assert_int_equal(kfs_base64_decode(text, sizeof text, data), digit ? 3 : -EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_rfc_4648),
        cmocka_unit_test(what_is_encoded_is_decoded),
        cmocka_unit_test(only_canonical_text_is_decoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
