#include "fs/view.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#define SHOWN_MAX 40    /* bytes of a name that a message quotes */
#define ALLOWED_MAX 200 /* bytes of the list of words in a message */

const struct kfs_view kfs_view_default = {.framing = &kfs_framing_lines};

#define USE_FRAMING(framing_name)                                                                                      \
    static int use_##framing_name(struct kfs_view *view, struct kfs_bytes value, struct kfs_error *err)                \
    {                                                                                                                  \
        (void)value;                                                                                                   \
        (void)err;                                                                                                     \
        view->framing = &kfs_framing_##framing_name;                                                                   \
        return 0;                                                                                                      \
    }

USE_FRAMING(lines)
USE_FRAMING(nul)
USE_FRAMING(raw)
USE_FRAMING(len)
USE_FRAMING(json)

static int use_follow(struct kfs_view *view, struct kfs_bytes value, struct kfs_error *err)
{
    (void)value;
    (void)err;
    view->follow = true;
    return 0;
}

static int use_gzip(struct kfs_view *view, struct kfs_bytes value, struct kfs_error *err)
{
    (void)value;
    (void)err;
    view->coding.compression = &kfs_gzip;
    return 0;
}

static int use_zstd(struct kfs_view *view, struct kfs_bytes value, struct kfs_error *err)
{
    (void)value;
    (void)err;
    view->coding.compression = &kfs_zstd;
    return 0;
}

static int use_kpl(struct kfs_view *view, struct kfs_bytes value, struct kfs_error *err)
{
    (void)value;
    (void)err;
    view->coding.aggregates = true;
    return 0;
}

static int use_from(struct kfs_view *view, struct kfs_bytes value, struct kfs_error *err)
{
    return kfs_from_parse(value, &view->from, err);
}

static int use_cursor(struct kfs_view *view, struct kfs_bytes value, struct kfs_error *err)
{
    char name[sizeof view->cursor] = "";

    if (value.len < sizeof name)
        memcpy(name, value.data, value.len);
    if (strlen(name) != value.len || !kfs_cursor_name_valid(name))
        return kfs_fail(err, ENOENT,
                        "view 'cursor': a name has 1 to %d of the characters a-z A-Z 0-9 _ . -, begins with a letter "
                        "or digit and does not end with .new",
                        KFS_CURSOR_NAME_MAX);
    memcpy(view->cursor, name, sizeof name);
    return 0;
}

static int use_key(struct kfs_view *view, struct kfs_bytes value, struct kfs_error *err)
{
    return kfs_key_parse(value, &view->key, err);
}

static int use_keyfrom(struct kfs_view *view, struct kfs_bytes value, struct kfs_error *err)
{
    return kfs_keyfrom_parse(value, &view->key, err);
}

static const struct kfs_view_row rows[] = {
    {"lines", false, KFS_VIEW_FRAMING, use_lines},   {"nul", false, KFS_VIEW_FRAMING, use_nul},
    {"raw", false, KFS_VIEW_FRAMING, use_raw},       {"len", false, KFS_VIEW_FRAMING, use_len},
    {"json", false, KFS_VIEW_FRAMING, use_json},     {"follow", false, KFS_VIEW_ALONE, use_follow},
    {"from", true, KFS_VIEW_ALONE, use_from},        {"key", true, KFS_VIEW_KEY, use_key},
    {"keyfrom", true, KFS_VIEW_KEY, use_keyfrom},    {"cursor", true, KFS_VIEW_ALONE, use_cursor},
    {"kpl", false, KFS_VIEW_ALONE, use_kpl},         {"gzip", false, KFS_VIEW_COMPRESSION, use_gzip},
    {"zstd", false, KFS_VIEW_COMPRESSION, use_zstd},
};

const struct kfs_view_table kfs_view_table = {rows, sizeof rows / sizeof rows[0]};

/* ---- messages ---- */

/* A name as a message may show it: short, printable. */
static const char *shown(struct kfs_bytes name, char text[SHOWN_MAX + 1])
{
    const char *bytes = name.data;
    size_t len = name.len < SHOWN_MAX ? name.len : SHOWN_MAX;

    for (size_t i = 0; i < len; i++)
        text[i] = (char)(bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : '?');
    text[len] = '\0';
    return text;
}

static const char *allowed(const struct kfs_view_table *table, char text[ALLOWED_MAX])
{
    struct kfs_buf buf;
    bool fits = true;

    kfs_buf_init(&buf, ALLOWED_MAX - 4);
    for (size_t i = 0; i < table->n && fits; i++) {
        const struct kfs_view_row *row = &table->rows[i];
        fits = kfs_buf_printf(&buf, "%s%s%s", i == 0 ? "" : ", ", row->word, row->has_value ? "=" : "") == 0;
    }
    if (buf.len > 0)
        memcpy(text, buf.data, buf.len);
    memcpy(text + buf.len, fits ? "" : "...", fits ? 1 : 4);
    kfs_buf_release(&buf);
    return text;
}

static int fail_unknown(const struct kfs_view_table *table, struct kfs_bytes word, struct kfs_error *err)
{
    char name[SHOWN_MAX + 1];
    char words[ALLOWED_MAX];

    return kfs_fail(err, ENOENT, "no view '%s'; views are %s", shown(word, name), allowed(table, words));
}

/* ---- parsing ---- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Writes at most text.len bytes at `to`; false where a percent sign is not followed by two digits. */
static bool percent_decode(struct kfs_bytes text, char *to, size_t *len)
{
    const char *p = text.data;
    const char *end = p + text.len;
    char *first = to;

    while (p < end) {
        if (*p != '%') {
            *to++ = *p++;
            continue;
        }
        if (end - p < 3 || hex_value(p[1]) < 0 || hex_value(p[2]) < 0)
            return false;
        *to++ = (char)(hex_value(p[1]) << 4 | hex_value(p[2]));
        p += 3;
    }
    *len = (size_t)(to - first);
    return true;
}

/* Splits text at the first `mark`; without one, *rest is empty with data NULL. */
static struct kfs_bytes split(struct kfs_bytes text, char mark, struct kfs_bytes *rest)
{
    const char *at = text.len > 0 ? memchr(text.data, mark, text.len) : NULL;

    *rest = (struct kfs_bytes){NULL, 0};
    if (at == NULL)
        return text;
    size_t len = (size_t)(at - (const char *)text.data);
    *rest = (struct kfs_bytes){at + 1, text.len - len - 1};
    return (struct kfs_bytes){text.data, len};
}

static const struct kfs_view_row *find_row(const struct kfs_view_table *table, struct kfs_bytes word)
{
    for (size_t i = 0; i < table->n; i++) {
        const char *name = table->rows[i].word;
        if (strlen(name) == word.len && memcmp(name, word.data, word.len) == 0)
            return &table->rows[i];
    }
    return NULL;
}

/* Refuses a row that the rows used before, one bit each, exclude. */
static int check_conflict(const struct kfs_view_table *table, const struct kfs_view_row *row, uint64_t used,
                          struct kfs_error *err)
{
    for (size_t i = 0; i < table->n; i++) {
        const struct kfs_view_row *other = &table->rows[i];
        if ((used >> i & 1) == 0)
            continue;
        if (other == row)
            return kfs_fail(err, ENOENT, "view '%s' is there twice; once is enough", row->word);
        if (row->group != KFS_VIEW_ALONE && other->group == row->group)
            return kfs_fail(err, ENOENT, "views '%s' and '%s' contradict each other; use one of them", other->word,
                            row->word);
    }
    return 0;
}

static int parse_item(const struct kfs_view_table *table, struct kfs_bytes item, struct kfs_view *view, uint64_t *used,
                      struct kfs_error *err)
{
    char decoded[KFS_VIEW_BYTES_MAX];
    struct kfs_bytes text;
    struct kfs_bytes word = split(item, '=', &text);
    const struct kfs_view_row *row = find_row(table, word);
    struct kfs_bytes value = {decoded, 0};

    if (row == NULL)
        return fail_unknown(table, word, err);
    if (row->has_value && text.data == NULL)
        return kfs_fail(err, ENOENT, "view '%s' needs a value: %s=VALUE", row->word, row->word);
    if (!row->has_value && text.data != NULL)
        return kfs_fail(err, ENOENT, "view '%s' takes no value", row->word);
    if (row->has_value && !percent_decode(text, decoded, &value.len))
        return kfs_fail(err, ENOENT, "view '%s': a %% in its value must be followed by two hexadecimal digits",
                        row->word);
    int rc = check_conflict(table, row, *used, err);
    if (rc != 0)
        return rc;
    *used |= UINT64_C(1) << (row - table->rows);
    return row->parse(view, value, err);
}

static size_t count_items(struct kfs_bytes list)
{
    const char *bytes = list.data;
    size_t n = 1;

    for (size_t i = 0; i < list.len; i++)
        n += bytes[i] == ',' ? 1 : 0;
    return n;
}

int kfs_view_parse(const struct kfs_view_table *table, struct kfs_bytes list, struct kfs_view *view,
                   struct kfs_error *err)
{
    struct kfs_view made = kfs_view_default;
    uint64_t used = 0;

    assert(table->n <= KFS_VIEW_WORDS_MAX);
    if (list.len > KFS_VIEW_BYTES_MAX)
        return kfs_fail(err, ENOENT, "a list of views has at most %d bytes", KFS_VIEW_BYTES_MAX);
    if (count_items(list) > KFS_VIEW_WORDS_MAX)
        return kfs_fail(err, ENOENT, "a name has at most %d views", KFS_VIEW_WORDS_MAX);
    do {
        struct kfs_bytes item = split(list, ',', &list);
        int rc = parse_item(table, item, &made, &used, err);
        if (rc != 0)
            return rc;
    } while (list.data != NULL);
    *view = made;
    return 0;
}
