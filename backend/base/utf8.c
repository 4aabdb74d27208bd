#include "backend/base/utf8.h"

#include <stdint.h>
#include <string.h>

#define WORD sizeof(uint64_t)
#define HIGH_BITS UINT64_C(0x8080808080808080)
#define LOW_BITS UINT64_C(0x0101010101010101)

static uint64_t load(const uint8_t *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    return word;
}

static bool is_tail(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Bytes of the character at p, of which there are len; 0 when it is not one.
 * The second byte decides about overlong forms (after E0, F0), surrogates (ED)
 * and the end of Unicode (F4): RFC 3629, section 4. */
static size_t char_len(const uint8_t *p, size_t len)
{
    uint8_t lead = p[0];
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
    size_t need;

    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    need = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xed)
        high = 0x9f;
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xf4)
        high = 0x8f;

    if (len < need || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++) {
        if (!is_tail(p[i]))
            return 0;
    }
    return need;
}

bool kfs_utf8_valid(const void *data, size_t len)
{
    const uint8_t *p = data;
    size_t at = 0;

    while (at < len) {
        while (len - at >= 4 * WORD &&
               ((load(p + at) | load(p + at + WORD) | load(p + at + 2 * WORD) | load(p + at + 3 * WORD)) & HIGH_BITS) ==
                   0)
            at += 4 * WORD;
        while (len - at >= WORD && (load(p + at) & HIGH_BITS) == 0)
            at += WORD;
        if (at == len)
            break;
        size_t step = char_len(p + at, len - at);
        if (step == 0)
            return false;
        at += step;
    }
    return true;
}

/* Counts the bytes that do not begin a character: those of the form 10xxxxxx. */
size_t kfs_utf8_count(const void *data, size_t len)
{
    const uint8_t *p = data;
    size_t tails = 0;
    size_t at = 0;

    for (; len - at >= WORD; at += WORD) {
        uint64_t word = load(p + at);
        tails += (size_t)__builtin_popcountll(word >> 7 & ~word >> 6 & LOW_BITS);
    }
    for (; at < len; at++)
        tails += is_tail(p[at]) ? 1 : 0;
    return len - tails;
}
