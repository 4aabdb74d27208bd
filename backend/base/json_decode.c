/* JSON, RFC 8259, into a tree of values. Written by hand: a body is the work of
 * a stranger, and what it may cost must be bounded by the arena, which cJSON's
 * nodes would escape; also strings may hold NUL, and integers be exact to 64 bits.
 *
 * Strings without an escape point into the body. A surrogate that has no partner is refused,
 * since UTF-8 has no form of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/json_text.h"
#include "backend/base/utf8.h"
#include "backend/base/value_builder.h"

/* Longer than any number that a client prints. */
#define NUMBER_CHARS_MAX 512

struct scan {
    const char *at;
    const char *end;
    struct kfs_builder b;
};

static void skip_blanks(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
        s->at++;
}

/* Takes the character where it is the next one after blanks. */
static bool take(struct scan *s, char c)
{
    skip_blanks(s);
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

static bool take_word(struct scan *s, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
        return false;
    s->at += len;
    return true;
}

/* ---- numbers ---- */

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

/* Behind `.` and its digits where they are at p; NULL: there are no digits. */
static const char *skip_fraction(const char *p, const char *end)
{
    const char *digits = p + 1;

    if (p == end || *p != '.')
        return p;
    p = skip_digits(digits, end);
    return p > digits ? p : NULL;
}

/* The same of an exponent. */
static const char *skip_exponent(const char *p, const char *end)
{
    const char *digits;

    if (p == end || (*p != 'e' && *p != 'E'))
        return p;
    p++;
    if (p < end && (*p == '+' || *p == '-'))
        p++;
    digits = p;
    p = skip_digits(digits, end);
    return p > digits ? p : NULL;
}

/* Length of the number at the cursor, 0 where there is none; *whole: without fraction and exponent. */
static size_t number_len(const struct scan *s, bool *whole)
{
    const char *digits = s->at < s->end && *s->at == '-' ? s->at + 1 : s->at;
    const char *integer = skip_digits(digits, s->end);
    const char *p;

    if (integer == digits || (integer - digits > 1 && *digits == '0'))
        return 0;
    p = skip_fraction(integer, s->end);
    if (p != NULL)
        p = skip_exponent(p, s->end);
    *whole = p == integer;
    return p == NULL ? 0 : (size_t)(p - s->at);
}

static int scan_number(struct scan *s, struct kfs_value *value)
{
    char text[NUMBER_CHARS_MAX + 1];
    bool whole = false;
    size_t len = number_len(s, &whole);

    if (len == 0 || len > NUMBER_CHARS_MAX)
        return -EINVAL;
    memcpy(text, s->at, len);
    text[len] = '\0';
    s->at += len;
    if (whole) {
        errno = 0;
        long long integer = strtoll(text, NULL, 10);
        if (errno == 0) {
            *value = kfs_value_of_int(integer);
            return 0;
        }
    }
    *value = kfs_value_of_double(strtod(text, NULL));
    return 0;
}

/* ---- strings ---- */

/* The four hexadecimal digits at p; -1 where they are not there. */
static int32_t hex4(const char *p, const char *end)
{
    int32_t value = 0;

    if (end - p < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* The character of the escape \u that ends before the cursor, by one or two UTF-16 units; -1: none. */
static int32_t scan_unicode(struct scan *s)
{
    int32_t high = hex4(s->at, s->end);
    int32_t low;

    if (high < 0)
        return -1;
    s->at += 4;
    if (high < 0xd800 || high > 0xdfff)
        return high;
    if (high > 0xdbff || !take_word(s, "\\u"))
        return -1;
    low = hex4(s->at, s->end);
    if (low < 0xdc00 || low > 0xdfff)
        return -1;
    s->at += 4;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

static char *put_utf8(char *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xc0 | c >> 6);
        *to++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *to++ = (char)(0xe0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
        *to++ = (char)(0x80 | (c & 0x3f));
    } else {
        *to++ = (char)(0xf0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 0x3f));
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
        *to++ = (char)(0x80 | (c & 0x3f));
    }
    return to;
}

/* Takes the escape after a backslash. Never writes more bytes than it takes. NULL: it is none. */
static char *scan_escape(struct scan *s, char *to)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    const char *name;
    int32_t c;

    if (s->at == s->end)
        return NULL;
    if (*s->at == 'u') {
        s->at++;
        c = scan_unicode(s);
        return c < 0 ? NULL : put_utf8(to, (uint32_t)c);
    }
    name = memchr(names, *s->at, sizeof names - 1);
    if (name == NULL)
        return NULL;
    s->at++;
    *to++ = meanings[name - names];
    return to;
}

/* The length of the string that begins at the cursor, escapes and all; SIZE_MAX where it does not end. */
static size_t raw_len(const struct scan *s)
{
    const char *p = s->at;

    while ((p += kfs_json_plain_len(p, (size_t)(s->end - p))) < s->end && *p != '"') {
        if (*p != '\\' || s->end - p < 2)
            return SIZE_MAX;
        p += 2;
    }
    return p < s->end ? (size_t)(p - s->at) : SIZE_MAX;
}

/* Behind the opening quote. */
static int scan_string(struct scan *s, struct kfs_bytes *text)
{
    size_t plain = kfs_json_plain_len(s->at, (size_t)(s->end - s->at));
    size_t len;
    char *data;
    char *to;

    if (s->at + plain < s->end && s->at[plain] == '"') {
        *text = (struct kfs_bytes){s->at, plain};
        s->at += plain + 1;
        return 0;
    }
    len = raw_len(s);
    if (len == SIZE_MAX)
        return -EINVAL;
    to = data = kfs_arena_alloc(s->b.arena, len);
    if (data == NULL)
        return -ENOMEM;
    while (*s->at != '"') {
        plain = kfs_json_plain_len(s->at, (size_t)(s->end - s->at));
        memcpy(to, s->at, plain);
        to += plain;
        s->at += plain;
        if (*s->at == '\\') {
            s->at++;
            to = scan_escape(s, to);
            if (to == NULL)
                return -EINVAL;
        }
    }
    s->at++;
    *text = (struct kfs_bytes){data, (size_t)(to - data)};
    return 0;
}

/* ---- values ---- */

/* Anything but a container. */
static int scan_scalar(struct scan *s, struct kfs_value *value)
{
    if (take(s, '"')) {
        value->type = KFS_VALUE_STRING;
        return scan_string(s, &value->bytes);
    }
    if (take_word(s, "null")) {
        value->type = KFS_VALUE_NULL;
        return 0;
    }
    value->boolean = take_word(s, "true");
    if (value->boolean || take_word(s, "false")) {
        value->type = KFS_VALUE_BOOL;
        return 0;
    }
    return scan_number(s, value);
}

/* A value, or the beginning of a container: then *began. */
static int scan_value(struct scan *s, struct kfs_bytes key, bool *began)
{
    struct kfs_value value = {0};
    int rc;

    *began = take(s, '{');
    if (*began)
        return kfs_builder_begin(&s->b, KFS_VALUE_MAP, key);
    *began = take(s, '[');
    if (*began)
        return kfs_builder_begin(&s->b, KFS_VALUE_LIST, key);
    rc = scan_scalar(s, &value);
    if (rc != 0)
        return rc;
    value.key = key;
    return kfs_builder_add(&s->b, &value);
}

/* The name of a map's member and its colon; nothing in a list. */
static int scan_key(struct scan *s, struct kfs_bytes *key)
{
    int rc;

    if (s->b.open[s->b.depth - 1].type != KFS_VALUE_MAP)
        return 0;
    if (!take(s, '"'))
        return -EINVAL;
    rc = scan_string(s, key);
    return rc != 0 ? rc : take(s, ':') ? 0 : -EINVAL;
}

/* The top value and all in it. After `{` and `[` an item or the end may follow, after a comma only an item. */
static int scan_tree(struct scan *s)
{
    bool began = false;
    int rc = scan_value(s, (struct kfs_bytes){0}, &began);

    while (rc == 0 && s->b.depth > 0) {
        struct kfs_bytes key = {0};
        char end = s->b.open[s->b.depth - 1].type == KFS_VALUE_MAP ? '}' : ']';
        if (take(s, end)) {
            rc = kfs_builder_end(&s->b);
            began = false;
            continue;
        }
        if (!began && !take(s, ','))
            return -EINVAL;
        rc = scan_key(s, &key);
        if (rc == 0)
            rc = scan_value(s, key, &began);
    }
    return rc;
}

int kfs_json_decode(struct kfs_arena *arena, struct kfs_bytes body, struct kfs_value *value)
{
    struct scan s = {.at = body.data};
    int rc;

    if (body.len == 0 || !kfs_utf8_valid(body.data, body.len))
        return -EINVAL; /* nothing may be at NULL */
    s.end = s.at + body.len;
    kfs_builder_init(&s.b, arena);
    rc = scan_tree(&s);
    if (rc == 0) {
        skip_blanks(&s);
        if (s.at != s.end)
            rc = -EINVAL;
    }
    if (rc == 0)
        *value = s.b.items[0];
    kfs_builder_release(&s.b);
    return rc;
}
