#include "backend/endpoint/pattern.h"

#include <stddef.h>
#include <string.h>

#define ACCOUNT_DIGITS 12
#define SEQUENCE_DIGITS_MAX 129
#define HASH_DIGITS_MAX 39

struct span {
    const char *at;
    const char *end;
};

static struct span span_of(struct kfs_bytes text)
{
    const char *data = text.len == 0 ? "" : text.data;

    return (struct span){data, data + text.len};
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_name_char(char c)
{
    return is_digit(c) || is_lower(c) || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || c == '-';
}

static bool is_id_char(char c)
{
    return is_digit(c) || is_lower(c);
}

static bool take(struct span *s, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
        return false;
    s->at += len;
    return true;
}

/* Characters of a class at the beginning; takes them. */
static size_t run(struct span *s, bool (*is)(char))
{
    const char *from = s->at;

    while (s->at < s->end && is(*s->at))
        s->at++;
    return (size_t)(s->at - from);
}

/* Goes behind the first occurrence of word. */
static bool find(struct span *s, const char *word)
{
    size_t len = strlen(word);

    for (; (size_t)(s->end - s->at) >= len; s->at++) {
        if (memcmp(s->at, word, len) == 0) {
            s->at += len;
            return true;
        }
    }
    return false;
}

/* What `.` does not match. */
static bool has_line_end(struct kfs_bytes text)
{
    return text.len > 0 && (memchr(text.data, '\n', text.len) != NULL || memchr(text.data, '\r', text.len) != NULL);
}

/* [a-zA-Z0-9_.-]+ */
static bool matches_name(struct kfs_bytes text)
{
    struct span s = span_of(text);

    return run(&s, is_name_char) > 0 && s.at == s.end;
}

/* `arn:aws.*:kinesis:.*`, and then `:\d{12}:` at the cursor or later, with the cursor left behind it. */
static bool take_arn_start(struct span *s)
{
    return take(s, "arn:aws") && find(s, ":kinesis:");
}

/* Goes behind the next `:\d{12}:`. Its last colon may be the first one of another. */
static bool find_account(struct span *s)
{
    while (find(s, ":")) {
        struct span digits = *s;
        if (run(&digits, is_digit) == ACCOUNT_DIGITS && take(&digits, ":")) {
            s->at = digits.at;
            return true;
        }
    }
    return false;
}

/* Where the white space at the end of text begins that `\S+` would have to cross. */
static const char *last_blank(struct span s)
{
    const char *last = NULL;

    for (; s.at < s.end; s.at++) {
        if (*s.at == ' ' || (*s.at >= '\t' && *s.at <= '\r'))
            last = s.at;
    }
    return last;
}

/* Whether a non-empty rest without white space is at the cursor. */
static bool is_rest(const struct span *s, const char *blank)
{
    return s->at < s->end && (blank == NULL || blank < s->at);
}

/* arn:aws.*:kinesis:.*:\d{12}:stream/\S+ */
static bool matches_stream_arn(struct kfs_bytes text)
{
    struct span s = span_of(text);
    const char *blank = last_blank(s);

    if (has_line_end(text) || !take_arn_start(&s))
        return false;
    while (find_account(&s)) {
        struct span rest = s;
        if (take(&rest, "stream/") && is_rest(&rest, blank))
            return true;
        s.at--; /* the colon */
    }
    return false;
}

/* arn:aws.*:kinesis:.*:\d{12}:.*stream/\S+ */
static bool matches_resource_arn(struct kfs_bytes text)
{
    struct span s = span_of(text);
    const char *blank = last_blank(s);

    if (has_line_end(text) || !take_arn_start(&s) || !find_account(&s))
        return false;
    while (find(&s, "stream/")) {
        if (is_rest(&s, blank))
            return true;
    }
    return false;
}

/* ^(arn):aws.*:kinesis:.*:\d{12}:.*stream\/[a-zA-Z0-9_.-]+\/consumer\/[a-zA-Z0-9_.-]+:[0-9]+ */
static bool matches_consumer_arn(struct kfs_bytes text)
{
    struct span s = span_of(text);

    if (has_line_end(text) || !take_arn_start(&s) || !find_account(&s))
        return false;
    while (find(&s, "stream/")) {
        struct span rest = s;
        if (run(&rest, is_name_char) > 0 && take(&rest, "/consumer/") && run(&rest, is_name_char) > 0 &&
            take(&rest, ":") && run(&rest, is_digit) > 0 && rest.at == rest.end)
            return true;
    }
    return false;
}

/* [a-z0-9]{20}-[a-z0-9]{3} */
static bool matches_stream_id(struct kfs_bytes text)
{
    struct span s = span_of(text);

    return run(&s, is_id_char) == 20 && take(&s, "-") && run(&s, is_id_char) == 3 && s.at == s.end;
}

/* 0|([1-9]\d{0,most-1}) */
static bool is_decimal(struct kfs_bytes text, size_t most)
{
    struct span s = span_of(text);
    bool zero = text.len > 0 && *s.at == '0';
    size_t digits = run(&s, is_digit);

    return s.at == s.end && (zero ? digits == 1 : digits > 0 && digits <= most);
}

static bool matches_sequence_number(struct kfs_bytes text)
{
    return is_decimal(text, SEQUENCE_DIGITS_MAX);
}

static bool matches_hash_key(struct kfs_bytes text)
{
    return is_decimal(text, HASH_DIGITS_MAX);
}

const struct kfs_pattern kfs_pattern_name = {"[a-zA-Z0-9_.-]+", matches_name};
const struct kfs_pattern kfs_pattern_stream_arn = {"arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+", matches_stream_arn};
const struct kfs_pattern kfs_pattern_resource_arn = {"arn:aws.*:kinesis:.*:\\d{12}:.*stream/\\S+",
                                                     matches_resource_arn};
const struct kfs_pattern kfs_pattern_consumer_arn = {
    "^(arn):aws.*:kinesis:.*:\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer\\/[a-zA-Z0-9_.-]+:[0-9]+",
    matches_consumer_arn};
const struct kfs_pattern kfs_pattern_stream_id = {"[a-z0-9]{20}-[a-z0-9]{3}", matches_stream_id};
const struct kfs_pattern kfs_pattern_sequence_number = {"0|([1-9]\\d{0,128})", matches_sequence_number};
const struct kfs_pattern kfs_pattern_hash_key = {"0|([1-9]\\d{0,38})", matches_hash_key};
