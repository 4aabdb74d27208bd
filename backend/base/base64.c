#include "backend/base/base64.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#define PAD '='
#define NOT_A_DIGIT 64U

size_t kfs_base64_len(size_t len)
{
    return (len / 3 + (len % 3 != 0 ? 1 : 0)) * 4;
}

void kfs_base64_encode(const void *data, size_t len, char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *p = data;

    for (; len >= 3; len -= 3, p += 3, text += 4) {
        uint32_t group = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        text[0] = digits[group >> 18];
        text[1] = digits[group >> 12 & 63];
        text[2] = digits[group >> 6 & 63];
        text[3] = digits[group & 63];
    }
    if (len > 0) {
        uint32_t group = (uint32_t)p[0] << 16 | (len == 2 ? (uint32_t)p[1] << 8 : 0);
        text[0] = digits[group >> 18];
        text[1] = digits[group >> 12 & 63];
        text[2] = (char)(len == 2 ? digits[group >> 6 & 63] : PAD);
        text[3] = PAD;
    }
}

static uint32_t digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0') + 52;
    return c == '+' ? 62 : c == '/' ? 63 : NOT_A_DIGIT;
}

/* The value of n digits; *bad where one is none. */
static uint32_t group_value(const char *text, size_t n, bool *bad)
{
    uint32_t group = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t value = digit_value(text[i]);
        *bad = *bad || value == NOT_A_DIGIT;
        group = group << 6 | (value & 63);
    }
    return group;
}

ssize_t kfs_base64_decode(const char *text, size_t len, void *data)
{
    uint8_t *out = data;
    bool bad = len % 4 != 0;

    if (len == 0 || bad)
        return bad ? -EINVAL : 0;

    size_t pads = text[len - 1] != PAD ? 0 : text[len - 2] != PAD ? 1 : 2;
    size_t whole = pads == 0 ? len : len - 4;
    for (size_t i = 0; i < whole; i += 4) {
        uint32_t group = group_value(text + i, 4, &bad);
        *out++ = (uint8_t)(group >> 16);
        *out++ = (uint8_t)(group >> 8);
        *out++ = (uint8_t)group;
    }
    if (pads > 0) {
        uint32_t group = group_value(text + whole, 4 - pads, &bad) << 6 * pads;
        bad = bad || (group & (pads == 2 ? 0xffffU : 0xffU)) != 0; /* bits that no byte holds */
        *out++ = (uint8_t)(group >> 16);
        if (pads == 1)
            *out++ = (uint8_t)(group >> 8);
    }
    return bad ? -EINVAL : out - (uint8_t *)data;
}
