/* Tags: the checked wrappers, and for backends that have none of their own the note that they are kept in, a JSON map
 * by key (docs/FORMAT.md section 8). */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/base/out.h"
#include "backend/base/utf8.h"
#include "backend/base/value.h"
#include "backend/crossing.h"

#define ARENA_MAX (1U << 20)

bool kfs_tag_text_valid(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
        if (!letter && strchr("_./=+-@: ", c) == NULL)
            return false;
    }
    return true;
}

static int check_one(const struct kfs_tag *tag, struct kfs_error *err)
{
    const char *value = tag->value == NULL ? "" : tag->value;
    size_t key_len = strlen(tag->key);
    size_t len = strlen(value);

    if (!kfs_utf8_valid(tag->key, key_len) || !kfs_utf8_valid(value, len) || !kfs_tag_text_valid(tag->key) ||
        !kfs_tag_text_valid(value))
        return kfs_fail(err, EINVAL, "a tag has letters, digits, spaces and _ . / = + - @ :");
    if (key_len == 0 || kfs_utf8_count(tag->key, key_len) > KFS_TAG_KEY_CHARS_MAX ||
        kfs_utf8_count(value, len) > KFS_TAG_VALUE_CHARS_MAX)
        return kfs_fail(err, EINVAL, "a tag's key has 1 to %d characters, its value at most %d", KFS_TAG_KEY_CHARS_MAX,
                        KFS_TAG_VALUE_CHARS_MAX);
    if (strncmp(tag->key, "aws:", 4) == 0)
        return kfs_fail(err, EINVAL, "tags that begin with aws: are the service's");
    return 0;
}

static int check(const struct kfs_tag *tags, size_t n, struct kfs_error *err)
{
    int rc = 0;

    assert(n == 0 || tags != NULL);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = check_one(&tags[i], err);
    return rc;
}

/* ---- the note ---- */

struct held {
    struct kfs_buf text;
    struct kfs_arena *arena;
    struct kfs_value map; /* NULL where there is no note */
};

static void held_release(struct held *held)
{
    kfs_arena_free(held->arena);
    kfs_buf_release(&held->text);
}

/* To be released also after a failure. */
static int held_read(struct held *held, struct kfs_stream *stream, struct kfs_error *err)
{
    *held = (struct held){.arena = kfs_arena_new(ARENA_MAX)};
    kfs_buf_init(&held->text, KFS_NOTE_BYTES_MAX);
    if (held->arena == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    int rc = kfs_note_get(stream->backend, stream, KFS_NOTE_TAGS, &held->text, err);
    if (rc != 0 || held->text.len == 0)
        return rc;
    rc = kfs_json_decode(held->arena, (struct kfs_bytes){held->text.data, held->text.len}, &held->map);
    if (rc != 0 || held->map.type != KFS_VALUE_MAP)
        return kfs_fail(err, EIO, "the note " KFS_NOTE_TAGS " is damaged");
    for (size_t i = 0; i < held->map.n; i++)
        if (held->map.items[i].type != KFS_VALUE_STRING || held->map.items[i].key.len > KFS_TAG_BYTES_MAX ||
            held->map.items[i].bytes.len > KFS_TAG_BYTES_MAX)
            return kfs_fail(err, EIO, "the note " KFS_NOTE_TAGS " is damaged");
    return 0;
}

static int list_held(const struct held *held, kfs_tag_visit *visit, void *arg)
{
    char key[KFS_TAG_BYTES_MAX + 1];
    char value[KFS_TAG_BYTES_MAX + 1];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < held->map.n; i++) {
        const struct kfs_value *item = &held->map.items[i];
        memcpy(key, item->key.data, item->key.len);
        key[item->key.len] = '\0';
        memcpy(value, item->bytes.data, item->bytes.len);
        value[item->bytes.len] = '\0';
        rc = visit(arg, &(struct kfs_tag){key, value});
    }
    return rc;
}

static bool is_changed(struct kfs_bytes key, const struct kfs_tag *changes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(changes[i].key) == key.len && memcmp(changes[i].key, key.data, key.len) == 0)
            return true;
    return false;
}

struct entry {
    struct kfs_bytes key;
    struct kfs_bytes value;
};

static int compare_entries(const void *a, const void *b)
{
    const struct kfs_bytes *left = &((const struct entry *)a)->key;
    const struct kfs_bytes *right = &((const struct entry *)b)->key;
    int order = memcmp(left->data, right->data, left->len < right->len ? left->len : right->len);

    return order != 0 ? order : left->len < right->len ? -1 : left->len > right->len;
}

/* What there is then, by key: entries has room for all. Where a key is changed twice the last counts. */
static size_t merge(const struct held *held, const struct kfs_tag *changes, size_t n, struct entry *entries)
{
    size_t at = 0;

    for (size_t i = 0; i < held->map.n; i++)
        if (!is_changed(held->map.items[i].key, changes, n))
            entries[at++] = (struct entry){held->map.items[i].key, held->map.items[i].bytes};
    for (size_t i = 0; i < n; i++) {
        struct kfs_bytes key = {changes[i].key, strlen(changes[i].key)};
        if (changes[i].value != NULL && !is_changed(key, changes + i + 1, n - i - 1))
            entries[at++] = (struct entry){key, {changes[i].value, strlen(changes[i].value)}};
    }
    qsort(entries, at, sizeof *entries, compare_entries);
    return at;
}

static int print(const struct entry *entries, size_t n, struct kfs_buf *text)
{
    struct kfs_out out;
    char key[KFS_TAG_BYTES_MAX + 1];

    kfs_out_init(&out, KFS_CODEC_JSON, text);
    kfs_out_map(&out, NULL);
    for (size_t i = 0; i < n; i++) {
        memcpy(key, entries[i].key.data, entries[i].key.len);
        key[entries[i].key.len] = '\0';
        kfs_out_text(&out, key, entries[i].value);
    }
    kfs_out_map_end(&out);
    return out.error;
}

/* The note with the changes made. */
static int print_changed(const struct held *held, const struct kfs_tag *changes, size_t n, struct kfs_buf *note,
                         struct kfs_error *err)
{
    struct entry *entries = calloc(held->map.n + n + 1, sizeof *entries);

    if (entries == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    size_t count = merge(held, changes, n, entries);
    int rc = 0;
    if (count > KFS_TAGS_MAX)
        rc = kfs_fail(err, EDQUOT, "a stream has at most %d tags", KFS_TAGS_MAX);
    else if (count > 0 && print(entries, count, note) != 0)
        rc = kfs_fail(err, ENOMEM, "out of memory");
    free(entries);
    return rc;
}

static int change_note(struct kfs_stream *stream, const struct kfs_tag *changes, size_t n, struct kfs_error *err)
{
    struct kfs_buf text;
    struct held held;

    kfs_buf_init(&text, KFS_NOTE_BYTES_MAX);
    int rc = held_read(&held, stream, err);
    if (rc == 0)
        rc = print_changed(&held, changes, n, &text, err);
    if (rc == 0)
        rc = kfs_note_set(stream->backend, stream, KFS_NOTE_TAGS, (struct kfs_bytes){text.data, text.len}, err);
    held_release(&held);
    kfs_buf_release(&text);
    return rc;
}

/* ---- the contract ---- */

int kfs_tag_list(struct kfs_stream *stream, kfs_tag_visit *visit, void *arg, struct kfs_error *err)
{
    struct held held;

    assert(stream != NULL && visit != NULL);
    kfs_op_begin(err);
    if (stream->backend->ops->tag_list != NULL)
        return stream->backend->ops->tag_list(stream, visit, arg, err);
    int rc = held_read(&held, stream, err);
    if (rc == 0)
        rc = list_held(&held, visit, arg);
    held_release(&held);
    return rc;
}

int kfs_tag_change(struct kfs_stream *stream, const struct kfs_tag *changes, size_t n, struct kfs_error *err)
{
    struct kfs_backend *b = stream->backend;

    kfs_op_begin(err);
    if (check(changes, n, err) != 0)
        return -EINVAL;
    if (n == 0)
        return 0;
    if (b->ops->tag_change != NULL)
        return kfs_op_end(b->ops->tag_change(stream, changes, n, err), err);
    (void)pthread_mutex_lock(&b->tags);
    int rc = change_note(stream, changes, n, err);
    (void)pthread_mutex_unlock(&b->tags);
    return rc;
}

int kfs_tag_print(const struct kfs_tag *tags, size_t n, struct kfs_buf *note, struct kfs_error *err)
{
    const struct held none = {0};

    return check(tags, n, err) != 0 ? -EINVAL : print_changed(&none, tags, n, note, err);
}
