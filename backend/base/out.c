#include "backend/base/out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/base64.h"
#include "backend/base/json_text.h"
#include "backend/base/utf8.h"

#define CBOR_UNSIGNED 0x00
#define CBOR_NEGATIVE 0x20
#define CBOR_BYTES 0x40
#define CBOR_TEXT 0x60
#define CBOR_LIST_START 0x9f
#define CBOR_MAP_START 0xbf
#define CBOR_TIME 0xc1
#define CBOR_FALSE 0xf4
#define CBOR_TRUE 0xf5
#define CBOR_BREAK 0xff
#define CBOR_HEAD_MAX 9 /* type and a 64-bit argument */

#define INT_CHARS_MAX 20 /* -9223372036854775808 */

void kfs_out_init(struct kfs_out *out, enum kfs_codec codec, struct kfs_buf *buf)
{
    *out = (struct kfs_out){.codec = codec, .buf = buf, .first = true};
}

/* Where to write `size` more bytes; NULL after a failure. */
static char *room(struct kfs_out *out, size_t size)
{
    if (out->error == 0 && size > out->buf->cap - out->buf->len)
        out->error = kfs_buf_reserve(out->buf, size);
    return out->error == 0 ? out->buf->data + out->buf->len : NULL;
}

void kfs_out_reserve(struct kfs_out *out, size_t bytes)
{
    if (bytes <= out->buf->max - out->buf->len) /* else what is printed decides */
        (void)room(out, bytes);
}

static void wrote(struct kfs_out *out, const char *end)
{
    out->buf->len = (size_t)(end - out->buf->data);
}

static void put_byte(struct kfs_out *out, unsigned byte)
{
    char *to = room(out, 1);

    if (to != NULL) {
        *to = (char)byte;
        wrote(out, to + 1);
    }
}

/* The head of a CBOR item: type in the upper three bits, and the shortest form of its argument. */
static char *put_head(char *to, unsigned type, uint64_t argument)
{
    unsigned bytes = argument > UINT32_MAX   ? 8
                     : argument > UINT16_MAX ? 4
                     : argument > UINT8_MAX  ? 2
                     : argument > 23         ? 1
                                             : 0;

    if (bytes == 0) {
        *to++ = (char)(type | (unsigned)argument);
        return to;
    }
    *to++ = (char)(type | (bytes == 8 ? 27U : bytes == 4 ? 26U : bytes == 2 ? 25U : 24U));
    while (bytes > 0)
        *to++ = (char)(argument >> 8 * --bytes);
    return to;
}

static void put_string(struct kfs_out *out, unsigned type, struct kfs_bytes value)
{
    char *to = room(out, CBOR_HEAD_MAX + value.len);

    if (to == NULL)
        return;
    to = put_head(to, type, value.len);
    if (value.len > 0)
        memcpy(to, value.data, value.len);
    wrote(out, to + value.len);
}

/* Most text stands for itself. */
static struct kfs_json_shape shape_of(struct kfs_bytes text)
{
    if (kfs_json_plain_len(text.data, text.len) == text.len)
        return (struct kfs_json_shape){.size = text.len};
    return kfs_json_measure(text);
}

static void put_quoted(struct kfs_out *out, struct kfs_bytes value)
{
    struct kfs_json_shape shape = shape_of(value);
    char *to = room(out, shape.size + 2);

    if (to == NULL)
        return;
    *to++ = '"';
    to = kfs_json_put(to, value, &shape);
    *to++ = '"';
    wrote(out, to);
}

static struct kfs_bytes bytes_of(const char *text)
{
    return (struct kfs_bytes){text, strlen(text)};
}

/* The comma and the name before a value. */
static void put_key(struct kfs_out *out, const char *key)
{
    struct kfs_bytes name = key == NULL ? (struct kfs_bytes){NULL, 0} : bytes_of(key);

    if (out->codec == KFS_CODEC_CBOR) {
        if (key != NULL)
            put_string(out, CBOR_TEXT, name);
        return;
    }
    struct kfs_json_shape shape = shape_of(name);
    char *to = room(out, 1 + (key == NULL ? 0 : shape.size + 3)); /* at least a byte of the value follows */
    if (to == NULL)
        return;
    if (!out->first)
        *to++ = ',';
    out->first = false;
    if (key != NULL) {
        *to++ = '"';
        to = kfs_json_put(to, name, &shape);
        *to++ = '"';
        *to++ = ':';
    }
    wrote(out, to);
}

static void begin(struct kfs_out *out, const char *key, unsigned json, unsigned cbor)
{
    put_key(out, key);
    put_byte(out, out->codec == KFS_CODEC_JSON ? json : cbor);
    out->first = true;
}

static void end(struct kfs_out *out, unsigned json)
{
    put_byte(out, out->codec == KFS_CODEC_JSON ? json : CBOR_BREAK);
    out->first = false;
}

void kfs_out_map(struct kfs_out *out, const char *key)
{
    begin(out, key, '{', CBOR_MAP_START);
}

void kfs_out_map_end(struct kfs_out *out)
{
    end(out, '}');
}

void kfs_out_list(struct kfs_out *out, const char *key)
{
    begin(out, key, '[', CBOR_LIST_START);
}

void kfs_out_list_end(struct kfs_out *out)
{
    end(out, ']');
}

void kfs_out_string(struct kfs_out *out, const char *key, const char *value)
{
    kfs_out_text(out, key, bytes_of(value));
}

void kfs_out_text(struct kfs_out *out, const char *key, struct kfs_bytes value)
{
    put_key(out, key);
    if (out->codec == KFS_CODEC_CBOR)
        put_string(out, CBOR_TEXT, value);
    else
        put_quoted(out, value);
}

void kfs_out_foreign(struct kfs_out *out, const char *key, struct kfs_bytes value)
{
    const uint8_t *from = value.data;
    uint8_t *text;
    size_t n = 0;

    if (kfs_utf8_valid(value.data, value.len)) {
        kfs_out_text(out, key, value);
        return;
    }
    text = malloc(2 * value.len);
    if (text == NULL) {
        out->error = -ENOMEM;
        return;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (from[i] < 0x80) {
            text[n++] = from[i];
        } else {
            text[n++] = (uint8_t)(0xc0 | from[i] >> 6);
            text[n++] = (uint8_t)(0x80 | (from[i] & 0x3f));
        }
    }
    kfs_out_text(out, key, (struct kfs_bytes){text, n});
    free(text);
}

void kfs_out_blob(struct kfs_out *out, const char *key, struct kfs_bytes value)
{
    size_t len = kfs_base64_len(value.len);
    char *to;

    put_key(out, key);
    if (out->codec == KFS_CODEC_CBOR) {
        put_string(out, CBOR_BYTES, value);
    } else if ((to = room(out, len + 2)) != NULL) {
        *to++ = '"';
        kfs_base64_encode(value.data, value.len, to);
        to += len;
        *to++ = '"';
        wrote(out, to);
    }
}

/* Decimal digits, at least `least` of them. */
static char *put_digits(char *to, uint64_t value, unsigned least)
{
    char digits[INT_CHARS_MAX];
    unsigned n = 0;

    while (value > 0 || n < least) {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    }
    while (n > 0)
        *to++ = digits[--n];
    return to;
}

void kfs_out_int(struct kfs_out *out, const char *key, int64_t value)
{
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    char *to;

    put_key(out, key);
    to = room(out, INT_CHARS_MAX);
    if (to == NULL)
        return;
    if (out->codec == KFS_CODEC_CBOR) {
        to = value < 0 ? put_head(to, CBOR_NEGATIVE, magnitude - 1) : put_head(to, CBOR_UNSIGNED, magnitude);
    } else {
        if (value < 0)
            *to++ = '-';
        to = put_digits(to, magnitude, 1);
    }
    wrote(out, to);
}

void kfs_out_bool(struct kfs_out *out, const char *key, bool value)
{
    struct kfs_bytes word = bytes_of(value ? "true" : "false");
    char *to;

    put_key(out, key);
    if (out->codec == KFS_CODEC_CBOR) {
        put_byte(out, value ? CBOR_TRUE : CBOR_FALSE);
    } else if ((to = room(out, word.len)) != NULL) {
        memcpy(to, word.data, word.len);
        wrote(out, to + word.len);
    }
}

void kfs_out_time_ms(struct kfs_out *out, const char *key, uint64_t ms)
{
    unsigned fraction = (unsigned)(ms % 1000);
    unsigned digits = 3;
    char *to;

    put_key(out, key);
    to = room(out, 1 + INT_CHARS_MAX + 1 + digits);
    if (to == NULL)
        return;
    if (out->codec == KFS_CODEC_CBOR) {
        *to++ = (char)CBOR_TIME;
        to = put_head(to, CBOR_UNSIGNED, ms);
    } else {
        to = put_digits(to, ms / 1000, 1);
        for (; digits > 0 && fraction % 10 == 0; digits--)
            fraction /= 10;
        if (digits > 0) {
            *to++ = '.';
            to = put_digits(to, fraction, digits);
        }
    }
    wrote(out, to);
}
