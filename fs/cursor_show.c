/* What can be seen of cursors: their names and how far they are, as they were last saved. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/patience.h"
#include "fs/fs_internal.h"

#define PREFIX_LEN (sizeof KFS_CURSOR_NOTE - 1)
#define NAMES_MAX 100000 /* different ones, in a listing */

/* ---- names ---- */

struct names {
    struct kfs_fs *fs;
    char (*list)[KFS_CURSOR_NAME_MAX + 1]; /* in order */
    size_t n;
    size_t cap;
};

/* Adds a name once. */
static int add_name(struct names *names, const char *name)
{
    size_t i = names->n;

    if (names->n == NAMES_MAX)
        return -EMSGSIZE;
    if (names->n == names->cap) {
        size_t cap = names->cap == 0 ? 16 : names->cap * 2;
        void *grown = realloc(names->list, cap * sizeof *names->list);
        if (grown == NULL)
            return -ENOMEM;
        names->list = grown;
        names->cap = cap;
    }
    while (i > 0 && strcmp(names->list[i - 1], name) > 0)
        i--;
    if (i > 0 && strcmp(names->list[i - 1], name) == 0)
        return 0;
    memmove(&names->list[i + 1], &names->list[i], (names->n - i) * sizeof *names->list);
    (void)snprintf(names->list[i], sizeof names->list[i], "%s", name);
    names->n++;
    return 0;
}

static int visit_note(void *arg, const char *note)
{
    if (strncmp(note, KFS_CURSOR_NOTE, PREFIX_LEN) != 0 || !kfs_cursor_name_valid(note + PREFIX_LEN))
        return 0;
    return add_name(arg, note + PREFIX_LEN);
}

static int visit_stream(void *arg, const char *name)
{
    struct names *names = arg;
    struct kfs_stream *stream;

    if (kfs_stream_open(names->fs->config.backend, name, &stream, NULL) != 0)
        return 0; /* deleted meanwhile */
    int rc = kfs_note_list(names->fs->config.backend, stream, visit_note, names, NULL);
    kfs_stream_close(stream);
    return rc == -ENOENT ? 0 : rc;
}

/* Cursors are notes of this machine: what it does not know of has none, and no endpoint is waited for. */
static int each_stream(struct kfs_fs *fs, kfs_stream_visit *visit, void *arg)
{
    const struct kfs_patience_state before = kfs_patience_enter(KFS_AT_ONCE, NULL);
    int rc = kfs_stream_list(fs->config.backend, visit, arg, NULL);

    kfs_patience_leave(&before);
    return rc;
}

int kfs_cursor_names(struct kfs_fs *fs, kfs_cursor_visit *visit, void *arg)
{
    struct names names = {.fs = fs};
    int rc = each_stream(fs, visit_stream, &names);

    for (size_t i = 0; rc == 0 && i < names.n; i++)
        rc = visit(arg, names.list[i]);
    free(names.list);
    return rc;
}

/* ---- one name ---- */

/* Each stream that has a cursor of a name, until visit returns non-zero. */
typedef int stream_visit(void *arg, struct kfs_stream *stream, const char *name);

struct holders {
    struct kfs_fs *fs;
    char note[KFS_NOTE_NAME_MAX + 1];
    stream_visit *visit;
    void *arg;
};

static int same_name(void *arg, const char *note)
{
    return strcmp(arg, note) == 0;
}

static int visit_holder(void *arg, const char *name)
{
    struct holders *holders = arg;
    struct kfs_backend *backend = holders->fs->config.backend;
    struct kfs_stream *stream;
    int rc = 0;

    if (kfs_stream_open(backend, name, &stream, NULL) != 0)
        return 0;
    if (kfs_note_list(backend, stream, same_name, holders->note, NULL) > 0)
        rc = holders->visit(holders->arg, stream, name);
    kfs_stream_close(stream);
    return rc;
}

static int each_holder(struct kfs_fs *fs, const char *name, stream_visit *visit, void *arg)
{
    struct holders holders = {.fs = fs, .visit = visit, .arg = arg};

    (void)snprintf(holders.note, sizeof holders.note, KFS_CURSOR_NOTE "%s", name);
    return each_stream(fs, visit_holder, &holders);
}

static int found(void *arg, struct kfs_stream *stream, const char *name)
{
    (void)arg;
    (void)stream;
    (void)name;
    return 1;
}

bool kfs_cursor_known(struct kfs_fs *fs, const char *name)
{
    return each_holder(fs, name, found, NULL) > 0;
}

struct removal {
    struct kfs_fs *fs;
    const char *name;
    size_t n;
    struct kfs_error *err;
};

static int remove_from(void *arg, struct kfs_stream *unused, const char *name)
{
    struct removal *removal = arg;
    struct kfs_cursors *cursors = &removal->fs->cursors;
    struct kfs_cursor *cursor;
    struct kfs_stream *stream;
    struct kfs_topic *topic;

    (void)unused; /* a topic takes a reference of its own */
    int rc = kfs_stream_open(removal->fs->config.backend, name, &stream, removal->err);
    if (rc == 0)
        rc = kfs_topic_new(&removal->fs->dispatcher, stream, &topic);
    if (rc != 0)
        return rc == -ENOENT ? 0 : rc;
    rc = kfs_cursor_get(cursors, topic, removal->name, &cursor, removal->err);
    kfs_topic_unref(topic);
    if (rc != 0)
        return rc;
    rc = kfs_cursor_remove(cursors, cursor, removal->err);
    kfs_cursor_put(cursors, cursor);
    removal->n += rc == 0;
    return rc;
}

int kfs_cursor_unlink(struct kfs_fs *fs, const char *name, struct kfs_error *err)
{
    struct removal removal = {.fs = fs, .name = name, .err = err};
    int rc = kfs_cursor_name_valid(name) ? each_holder(fs, name, remove_from, &removal) : 0;

    return rc == 0 && removal.n == 0 ? -ENOENT : rc;
}

/* ---- how far they are ---- */

/* Records of a shard behind a place. */
static int lag_of(struct kfs_stream *stream, uint32_t shard, const struct kfs_place *place, uint64_t *lag)
{
    const struct kfs_position position = kfs_place_position(place);
    struct kfs_reader *reader;
    struct kfs_extent extent;
    uint64_t ordinal = 0;
    uint64_t offset;
    int rc = kfs_reader_open(stream, shard, &reader, NULL);

    if (rc != 0)
        return rc;
    rc = kfs_locate(reader, &position, &offset, NULL);
    if (rc == 0)
        rc = kfs_gauge_ordinal(reader, offset, &ordinal, NULL);
    if (rc == 0)
        rc = kfs_shard_extent(stream, shard, &extent, NULL);
    kfs_reader_close(reader);
    if (rc == 0)
        *lag = extent.next_record > ordinal ? extent.next_record - ordinal : 0;
    return rc;
}

static int print_place(struct kfs_buf *out, uint32_t shard, const struct kfs_place *place, uint64_t lag)
{
    char id[KFS_SHARD_NAME_LEN + 1];
    char number[KFS_SEQ_DIGITS_MAX + 1] = "";

    kfs_shard_name_print(shard, id);
    if (place != NULL && !kfs_seq_is_none(&place->after))
        (void)kfs_seq_print(&place->after, number);
    return kfs_buf_printf(out, "{\"shard\":\"%s\",\"after_sequence_number\":\"%s\",\"lag_records\":%" PRIu64 "}", id,
                          number, lag);
}

/* The records that the cursor of a note has before it in all shards; each shard's place is printed where out is not
 * NULL. */
static int print_places(struct kfs_fs *fs, struct kfs_stream *stream, const char *note, struct kfs_buf *out,
                        uint64_t *sum)
{
    struct kfs_places places = {0};
    struct kfs_shard_info *shards = NULL;
    struct kfs_buf text;
    size_t n = 0;

    *sum = 0;
    kfs_buf_init(&text, KFS_CURSOR_NOTE_MAX);
    int rc = kfs_note_get(fs->config.backend, stream, note, &text, NULL);
    if (rc == 0)
        rc = kfs_places_parse((struct kfs_bytes){text.data, text.len}, &places);
    if (rc == 0)
        rc = kfs_shard_list(stream, &shards, &n, NULL);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct kfs_place *place = kfs_places_find(&places, shards[i].index);
        uint64_t lag = 0;
        (void)lag_of(stream, shards[i].index, place, &lag);
        *sum += lag;
        if (out != NULL && i > 0)
            rc = kfs_buf_append(out, ",", 1);
        if (out != NULL && rc == 0)
            rc = print_place(out, shards[i].index, place, lag);
    }
    free(shards);
    kfs_places_release(&places);
    kfs_buf_release(&text);
    return rc;
}

/* Whether files are open that read with a cursor of a stream. */
static bool is_read(struct kfs_fs *fs, const struct kfs_stream_info *info, const char *name)
{
    bool read = false;

    (void)pthread_mutex_lock(&fs->cursors.lock);
    for (struct kfs_cursor *c = fs->cursors.list; c != NULL; c = c->next) {
        if (c->topic->generation != info->generation || strcmp(c->name, name) != 0 ||
            strcmp(c->topic->name, info->name) != 0)
            continue;
        (void)pthread_mutex_lock(&c->lock);
        read = c->readers != NULL;
        (void)pthread_mutex_unlock(&c->lock);
    }
    (void)pthread_mutex_unlock(&fs->cursors.lock);
    return read;
}

/* ---- their texts ---- */

struct show {
    struct kfs_fs *fs;
    struct kfs_buf *out;
    const char *name; /* of the cursor */
    size_t n;
};

/* One stream in /.kinesisfs/cursors/NAME. */
static int print_stream(void *arg, struct kfs_stream *stream, const char *name)
{
    char note[KFS_NOTE_NAME_MAX + 1];
    struct show *show = arg;
    struct kfs_stream_info info;
    uint64_t lag = 0;
    int rc;

    if (kfs_stream_info(stream, &info, NULL) != 0)
        return 0;
    (void)snprintf(note, sizeof note, KFS_CURSOR_NOTE "%s", show->name);
    rc = kfs_buf_printf(show->out, "%s\n{\"stream\":\"%s\",\"reading\":%s,\"places\":[", show->n++ > 0 ? "," : "", name,
                        is_read(show->fs, &info, show->name) ? "true" : "false");
    if (rc != 0)
        return rc;
    int damaged = print_places(show->fs, stream, note, show->out, &lag);
    if (damaged == -ENOMEM || damaged == -EMSGSIZE)
        return damaged;
    return kfs_buf_printf(show->out, "],\"lag_records\":%" PRIu64 "%s}", lag, damaged != 0 ? ",\"damaged\":true" : "");
}

int kfs_cursor_text(struct kfs_fs *fs, const char *name, struct kfs_buf *out)
{
    struct show show = {.fs = fs, .out = out, .name = name};
    int rc = kfs_buf_printf(out, "{\"cursor\":\"%s\",\"streams\":[", name);

    if (rc == 0)
        rc = each_holder(fs, name, print_stream, &show);
    return rc == 0 ? kfs_buf_printf(out, "]}\n") : rc;
}

int kfs_cursor_status(struct kfs_fs *fs, struct kfs_stream *stream, struct kfs_buf *out)
{
    char note[KFS_NOTE_NAME_MAX + 1];
    struct names names = {.fs = fs};
    struct kfs_stream_info info;
    int rc = kfs_buf_printf(out, ",\"cursors\":[");

    if (rc == 0 && kfs_stream_info(stream, &info, NULL) == 0 &&
        kfs_note_list(fs->config.backend, stream, visit_note, &names, NULL) == 0) {
        for (size_t i = 0; rc == 0 && i < names.n; i++) {
            uint64_t lag;
            (void)snprintf(note, sizeof note, KFS_CURSOR_NOTE "%s", names.list[i]);
            bool damaged = print_places(fs, stream, note, NULL, &lag) != 0;
            rc = kfs_buf_printf(out, "%s{\"cursor\":\"%s\",\"reading\":%s,\"lag_records\":%" PRIu64 "%s}",
                                i > 0 ? "," : "", names.list[i], is_read(fs, &info, names.list[i]) ? "true" : "false",
                                lag, damaged ? ",\"damaged\":true" : "");
        }
    }
    free(names.list);
    return rc == 0 ? kfs_buf_append(out, "]", 1) : rc;
}
