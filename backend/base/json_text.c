#include "backend/base/json_text.h"

#include <stdint.h>
#include <string.h>

#define WORD sizeof(uint64_t)
#define EVERY_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))
#define HIGH_BITS EVERY_BYTE(0x80)

/* What follows the backslash of a byte that must be escaped; 'u' for \u00XX, 0 for a byte that stands for itself. */
static const char escapes[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b', 't', 'n', 'u', 'f', 'r', 'u', 'u',         'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['\\'] = '\\',
};

static uint64_t load(const uint8_t *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    return word;
}

/* Some high bits where a byte of the word is zero, none where there is no such byte. */
static uint64_t zero_bytes(uint64_t word)
{
    return (word - EVERY_BYTE(1)) & ~word & HIGH_BITS;
}

/* Whether a byte of the word is a control character, a quote or a backslash. */
static bool word_has_escape(uint64_t word)
{
    uint64_t control = (word - EVERY_BYTE(0x20)) & ~word & HIGH_BITS;

    return (control | zero_bytes(word ^ EVERY_BYTE('"')) | zero_bytes(word ^ EVERY_BYTE('\\'))) != 0;
}

size_t kfs_json_plain_len(const char *text, size_t len)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t at = 0;

    while (len - at >= WORD && !word_has_escape(load(p + at)))
        at += WORD;
    while (at < len && escapes[p[at]] == 0)
        at++;
    return at;
}

static void measure_bytes(const uint8_t *p, size_t n, struct kfs_json_shape *shape)
{
    for (size_t i = 0; i < n; i++) {
        char escape = escapes[p[i]];
        shape->size += escape == 0 ? 0 : escape == 'u' ? KFS_JSON_ESCAPE_MAX - 1 : 1;
        shape->has_escape |= escape != 0;
        shape->is_ascii &= p[i] < 0x80;
    }
}

struct kfs_json_shape kfs_json_measure(struct kfs_bytes text)
{
    struct kfs_json_shape shape = {.size = text.len, .is_ascii = true};
    const uint8_t *p = text.data;
    size_t at = 0;
    uint64_t seen = 0;

    for (; text.len - at >= WORD; at += WORD) {
        uint64_t word = load(p + at);
        seen |= word;
        if (word_has_escape(word))
            measure_bytes(p + at, WORD, &shape);
    }
    if (at < text.len)
        measure_bytes(p + at, text.len - at, &shape);
    shape.is_ascii &= (seen & HIGH_BITS) == 0;
    return shape;
}

static char *put_plain(char *to, const void *text, size_t len)
{
    memcpy(to, text, len);
    return to + len;
}

static char *put_byte(char *to, uint8_t byte)
{
    static const char hex[] = "0123456789abcdef";
    char escape = escapes[byte];

    if (escape == 0) {
        *to = (char)byte;
        return to + 1;
    }
    to[0] = '\\';
    to[1] = escape;
    if (escape != 'u')
        return to + 2;
    to[2] = '0';
    to[3] = '0';
    to[4] = hex[byte >> 4];
    to[5] = hex[byte & 15];
    return to + KFS_JSON_ESCAPE_MAX;
}

char *kfs_json_put(char *to, struct kfs_bytes text, const struct kfs_json_shape *shape)
{
    const uint8_t *p = text.data;
    size_t at = 0;

    if (text.len == 0)
        return to;
    if (!shape->has_escape)
        return put_plain(to, p, text.len);
    for (; text.len - at >= WORD; at += WORD) {
        uint64_t word = load(p + at);
        if (!word_has_escape(word)) {
            to = put_plain(to, &word, WORD);
            continue;
        }
        for (size_t i = 0; i < WORD; i++)
            to = put_byte(to, p[at + i]);
    }
    for (; at < text.len; at++)
        to = put_byte(to, p[at]);
    return to;
}
