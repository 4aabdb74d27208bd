#include "fs/json_path.h"

#include <string.h>

#include "backend/base/json_text.h"

struct scan {
    const char *at;
    const char *end;
};

static void skip_blanks(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
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

/* Takes a string whose first quote is taken; *escaped is set where it has escapes, else left. */
static bool take_string(struct scan *s, struct kfs_bytes *text, bool *escaped)
{
    const char *begin = s->at;

    for (;;) {
        s->at += kfs_json_plain_len(s->at, (size_t)(s->end - s->at));
        if (s->end - s->at < 1 || (unsigned char)*s->at < ' ')
            return false;
        if (*s->at == '"')
            break;
        if (s->end - s->at < 2)
            return false;
        s->at += 2; /* the backslash and what follows it */
        *escaped = true;
    }
    *text = (struct kfs_bytes){begin, (size_t)(s->at - begin)};
    s->at++;
    return true;
}

/* What a number, true, false or null is made of. */
static bool take_word(struct scan *s, struct kfs_bytes *text)
{
    const char *begin = s->at;

    while (s->at < s->end && ((*s->at >= '0' && *s->at <= '9') || (*s->at >= 'a' && *s->at <= 'z') || *s->at == '-' ||
                              *s->at == '+' || *s->at == '.' || *s->at == 'E'))
        s->at++;
    *text = (struct kfs_bytes){begin, (size_t)(s->at - begin)};
    return s->at > begin;
}

/* Passes any value. Of lists and objects only the brackets are counted. */
static bool skip_value(struct scan *s)
{
    struct kfs_bytes ignored;
    bool escaped;
    size_t depth = 0;

    do {
        skip_blanks(s);
        if (s->at == s->end)
            return false;
        switch (*s->at) {
        case '{':
        case '[':
            depth++;
            s->at++;
            break;
        case '}':
        case ']':
            if (depth-- == 0)
                return false;
            s->at++;
            break;
        case ',':
        case ':':
            if (depth == 0)
                return false;
            s->at++;
            break;
        case '"':
            s->at++;
            if (!take_string(s, &ignored, &escaped))
                return false;
            break;
        default:
            if (!take_word(s, &ignored))
                return false;
        }
    } while (depth > 0);
    return true;
}

/* Goes to the value of a member of the object that begins here. */
static bool enter(struct scan *s, const char *name, size_t len)
{
    if (!take(s, '{'))
        return false;
    do {
        struct kfs_bytes found;
        bool escaped = false;
        if (!take(s, '"') || !take_string(s, &found, &escaped) || !take(s, ':'))
            return false;
        if (!escaped && found.len == len && memcmp(found.data, name, len) == 0)
            return true;
        if (!skip_value(s))
            return false;
    } while (take(s, ','));
    return false;
}

bool kfs_json_path(struct kfs_bytes text, const char *path, struct kfs_bytes *value, bool *escaped)
{
    struct scan s = {.at = text.data, .end = (const char *)text.data + text.len};
    const char *name = path;

    if (text.len == 0)
        return false;
    for (;;) {
        size_t len = strcspn(name, ".");
        if (!enter(&s, name, len))
            return false;
        if (name[len] == '\0')
            break;
        name += len + 1;
    }
    *escaped = false;
    if (take(&s, '"'))
        return take_string(&s, value, escaped);
    return s.at < s.end && (*s.at == '-' || (*s.at >= '0' && *s.at <= '9')) && take_word(&s, value);
}
