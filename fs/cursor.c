#include "fs/cursor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/base/cond.h"
#include "backend/base/patience.h"
#include "fs/from.h"
#include "fs/fs_internal.h"

#define CLOSING_STEPS_MAX 10000 /* half a second */
#define CLOSING_STEP_NS 50000

/* ---- notes ---- */

static void note_name(const struct kfs_cursor *cursor, char name[KFS_NOTE_NAME_MAX + 1])
{
    (void)snprintf(name, KFS_NOTE_NAME_MAX + 1, KFS_CURSOR_NOTE "%s", cursor->name);
}

static int load(struct kfs_cursors *cursors, struct kfs_cursor *cursor, struct kfs_error *err)
{
    char name[KFS_NOTE_NAME_MAX + 1];
    struct kfs_buf text;

    note_name(cursor, name);
    kfs_buf_init(&text, KFS_CURSOR_NOTE_MAX);
    int rc = kfs_note_get(cursors->fs->config.backend, cursor->topic->stream, name, &text, err);
    if (rc == 0 && text.len > 0) {
        rc = kfs_places_parse((struct kfs_bytes){text.data, text.len}, &cursor->places);
        cursor->exists = rc == 0;
        cursor->damaged = rc == -EINVAL;
        if (cursor->damaged)
            rc = 0;
        if (rc != 0)
            rc = kfs_fail(err, -rc, "no memory for a cursor");
    }
    kfs_buf_release(&text);
    return rc;
}

/* ---- the table ---- */

void kfs_cursors_init(struct kfs_cursors *cursors, struct kfs_fs *fs)
{
    *cursors = (struct kfs_cursors){.fs = fs};
    (void)pthread_mutex_init(&cursors->lock, NULL);
    kfs_cond_init(&cursors->wake);
}

void kfs_cursors_stop(struct kfs_cursors *cursors)
{
    (void)pthread_mutex_lock(&cursors->lock);
    cursors->stop = true;
    (void)pthread_cond_broadcast(&cursors->wake);
    (void)pthread_mutex_unlock(&cursors->lock);
    if (cursors->runs)
        (void)pthread_join(cursors->thread, NULL);
    cursors->runs = false;
}

void kfs_cursors_release(struct kfs_cursors *cursors)
{
    (void)pthread_mutex_destroy(&cursors->lock);
    (void)pthread_cond_destroy(&cursors->wake);
}

static void free_cursor(struct kfs_cursor *cursor)
{
    kfs_places_release(&cursor->places);
    kfs_topic_unref(cursor->topic);
    (void)pthread_mutex_destroy(&cursor->save_lock);
    (void)pthread_mutex_destroy(&cursor->lock);
    free(cursor);
}

/* NULL and *rc on failure. */
static struct kfs_cursor *new_cursor(struct kfs_cursors *cursors, struct kfs_topic *topic, const char *name, int *rc,
                                     struct kfs_error *err)
{
    struct kfs_cursor *cursor = calloc(1, sizeof *cursor);

    if (cursor == NULL) {
        *rc = kfs_fail(err, ENOMEM, "no memory for a cursor");
        return NULL;
    }
    (void)snprintf(cursor->name, sizeof cursor->name, "%s", name);
    cursor->topic = kfs_topic_ref(topic);
    cursor->refs = 1;
    (void)pthread_mutex_init(&cursor->save_lock, NULL);
    (void)pthread_mutex_init(&cursor->lock, NULL);
    *rc = load(cursors, cursor, err);
    if (*rc == 0)
        return cursor;
    free_cursor(cursor);
    return NULL;
}

int kfs_cursor_get(struct kfs_cursors *cursors, struct kfs_topic *topic, const char *name, struct kfs_cursor **out,
                   struct kfs_error *err)
{
    struct kfs_cursor *cursor;
    int rc = 0;

    (void)pthread_mutex_lock(&cursors->lock);
    for (cursor = cursors->list; cursor != NULL; cursor = cursor->next) {
        if (cursor->topic->generation == topic->generation && strcmp(cursor->name, name) == 0 &&
            strcmp(cursor->topic->name, topic->name) == 0)
            break;
    }
    if (cursor != NULL) {
        cursor->refs++;
    } else {
        cursor = new_cursor(cursors, topic, name, &rc, err);
        if (cursor != NULL) {
            cursor->next = cursors->list;
            cursors->list = cursor;
        }
    }
    (void)pthread_mutex_unlock(&cursors->lock);
    if (cursor != NULL)
        *out = cursor;
    return rc;
}

void kfs_cursor_put(struct kfs_cursors *cursors, struct kfs_cursor *cursor)
{
    struct kfs_cursor **at = &cursors->list;

    if (cursor == NULL)
        return;
    (void)pthread_mutex_lock(&cursors->lock);
    if (--cursor->refs == 0) {
        while (*at != cursor)
            at = &(*at)->next;
        *at = cursor->next;
        free_cursor(cursor);
    }
    (void)pthread_mutex_unlock(&cursors->lock);
}

/* ---- beginning ---- */

/* Adds the place of a shard in which a new cursor begins. */
static int add_begin(struct kfs_stream *stream, uint32_t shard, const struct kfs_position *from,
                     struct kfs_places *places, struct kfs_error *err)
{
    const struct kfs_position there = kfs_from_in_shard(from, shard);
    struct kfs_place place = {.shard = shard};
    struct kfs_reader *reader;
    int rc = kfs_reader_open(stream, shard, &reader, err);

    if (rc != 0)
        return rc;
    rc = kfs_locate(reader, &there, &place.offset, err);
    if (rc == 0)
        rc = kfs_place_before(reader, place.offset, &place, err);
    kfs_reader_close(reader);
    if (rc == 0 && kfs_places_set(places, &place) != 0)
        rc = kfs_fail(err, ENOMEM, "no memory for a cursor");
    return rc;
}

/* The same for all shards, but for those that have one. A new cursor from the start has none to have. */
static int add_begins(struct kfs_stream *stream, const struct kfs_position *from, struct kfs_places *places,
                      struct kfs_error *err)
{
    struct kfs_shard_info *shards = NULL;
    size_t n = 0;
    int rc = from->type == KFS_AT_HORIZON ? 0 : kfs_shard_list(stream, &shards, &n, err);

    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (kfs_places_find(places, shards[i].index) == NULL)
            rc = add_begin(stream, shards[i].index, from, places, err);
        if (rc == -ENOENT)
            rc = 0; /* it expired meanwhile */
    }
    free(shards);
    return rc;
}

int kfs_cursor_begin(struct kfs_cursor *cursor, uint32_t shard, const struct kfs_position *from,
                     struct kfs_places *places, struct kfs_error *err)
{
    struct kfs_places made = {0};
    const struct kfs_place *place;
    int rc = 0;

    (void)pthread_mutex_lock(&cursor->lock);
    bool exists = cursor->exists;
    bool damaged = cursor->damaged;
    if (shard == KFS_NO_SHARD)
        rc = kfs_places_copy(&cursor->places, &made);
    else if ((place = kfs_places_find(&cursor->places, shard)) != NULL)
        rc = kfs_places_set(&made, place);
    (void)pthread_mutex_unlock(&cursor->lock);
    if (rc != 0 || damaged)
        kfs_places_release(&made);
    if (rc != 0)
        return kfs_fail(err, ENOMEM, "no memory for a cursor");
    if (damaged)
        return kfs_fail(err, EIO, "what cursor '%s' has stored is damaged; remove it to begin anew", cursor->name);
    if (!exists && shard == KFS_NO_SHARD)
        rc = add_begins(cursor->topic->stream, from, &made, err);
    else if (!exists && from->type != KFS_AT_HORIZON)
        rc = add_begin(cursor->topic->stream, shard, from, &made, err);
    if (rc != 0)
        kfs_places_release(&made);
    else
        *places = made;
    return rc;
}

/* ---- places of readers ---- */

/* Moves a shard's place to what ends at an offset. Under cursor.lock. */
static int move(struct kfs_cursor *cursor, uint32_t shard, uint64_t offset, struct kfs_error *err)
{
    const struct kfs_place *had = kfs_places_find(&cursor->places, shard);
    struct kfs_place place = had != NULL ? *had : (struct kfs_place){.shard = shard};
    struct kfs_reader *reader;

    if (had != NULL && had->offset == offset)
        return 0;
    int rc = kfs_reader_open(cursor->topic->stream, shard, &reader, err);
    if (rc != 0)
        return rc == -ENOENT ? 0 : rc; /* it expired, and with it the place */
    rc = kfs_place_before(reader, offset, &place, err);
    kfs_reader_close(reader);
    if (rc != 0 || kfs_seq_is_none(&place.after) || (had != NULL && kfs_place_equal(&place, had)))
        return rc;
    cursor->dirty = true;
    return kfs_places_set(&cursor->places, &place) == 0 ? 0 : kfs_fail(err, ENOMEM, "no memory for a cursor");
}

/* Moves the places of a merged file's shards; what could not be moved is for the next time. Under cursor.lock. */
static int move_all(struct kfs_cursor_reader *reader, struct kfs_merge_offset *offsets, size_t n, struct kfs_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = move(reader->cursor, offsets[i].shard, offsets[i].offset, err);
    if (rc != 0) {
        (void)pthread_mutex_lock(&reader->lock);
        if (reader->offsets == NULL) {
            reader->offsets = offsets;
            reader->n_offsets = n;
            offsets = NULL;
        }
        (void)pthread_mutex_unlock(&reader->lock);
    }
    free(offsets);
    return rc;
}

/* Takes what a reader has confirmed into the places. Under cursor.lock. */
static int collect(struct kfs_cursor_reader *reader, struct kfs_error *err)
{
    (void)pthread_mutex_lock(&reader->lock);
    uint64_t confirmed = reader->confirmed;
    struct kfs_merge_offset *offsets = reader->offsets;
    size_t n = reader->n_offsets;
    reader->offsets = NULL;
    (void)pthread_mutex_unlock(&reader->lock);
    if (confirmed == reader->collected)
        return 0;
    int rc = move_all(reader, offsets, n, err);
    if (rc == 0)
        reader->collected = confirmed;
    return rc;
}

/* ---- saving ---- */

/* Drops the places of shards that are no more, so that the note does not grow for ever. Under cursor.lock. */
static void drop_expired(struct kfs_cursor *cursor)
{
    struct kfs_places kept = {0};
    struct kfs_shard_info *shards;
    size_t n;
    int rc = 0;

    if (kfs_shard_list(cursor->topic->stream, &shards, &n, NULL) != 0)
        return;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct kfs_place *place = kfs_places_find(&cursor->places, shards[i].index);
        if (place != NULL)
            rc = kfs_places_set(&kept, place);
    }
    free(shards);
    if (rc != 0 || kept.n == cursor->places.n) {
        kfs_places_release(&kept);
        return;
    }
    kfs_places_release(&cursor->places);
    cursor->places = kept;
}

static int save(struct kfs_cursors *cursors, struct kfs_cursor *cursor, struct kfs_error *err)
{
    char name[KFS_NOTE_NAME_MAX + 1];
    struct kfs_error *first = err;
    struct kfs_buf text;
    int rc = 0;
    int failed = 0;

    kfs_buf_init(&text, KFS_CURSOR_NOTE_MAX);
    note_name(cursor, name);
    (void)pthread_mutex_lock(&cursor->save_lock);
    (void)pthread_mutex_lock(&cursor->lock);
    for (struct kfs_cursor_reader *r = cursor->readers; r != NULL; r = r->next) {
        rc = collect(r, failed == 0 ? first : NULL);
        if (failed == 0)
            failed = rc;
    }
    bool dirty = cursor->dirty && !cursor->removing;
    rc = 0;
    if (dirty) {
        drop_expired(cursor);
        rc = kfs_places_print(&cursor->places, &text);
        if (rc != 0)
            (void)kfs_fail(failed == 0 ? first : NULL, -rc, "the places of cursor '%s' do not fit", cursor->name);
        cursor->dirty = rc != 0;
    }
    (void)pthread_mutex_unlock(&cursor->lock);
    if (rc == 0 && dirty)
        rc = kfs_note_set(cursors->fs->config.backend, cursor->topic->stream, name,
                          (struct kfs_bytes){text.data, text.len}, failed == 0 ? first : NULL);
    if (rc == -ENOENT)
        rc = 0; /* the stream is gone, and its cursors are */
    if (rc != 0 && dirty) {
        (void)pthread_mutex_lock(&cursor->lock);
        cursor->dirty = true;
        (void)pthread_mutex_unlock(&cursor->lock);
    }
    (void)pthread_mutex_unlock(&cursor->save_lock);
    kfs_buf_release(&text);
    return failed != 0 ? failed : rc;
}

/* What no caller is there to be told of. */
static void report(struct kfs_cursors *cursors, const struct kfs_cursor *cursor, const struct kfs_error *err)
{
    (void)kfs_report(&cursors->fs->errors, "cursor", cursor->topic->name, KFS_NO_SHARD, err);
}

/* Saves every cursor that is read, without the lock of the table. Under cursors.lock. */
static void save_all(struct kfs_cursors *cursors)
{
    struct kfs_cursor *cursor = cursors->list;

    while (cursor != NULL) {
        struct kfs_error err = {0};
        cursor->refs++;
        (void)pthread_mutex_unlock(&cursors->lock);
        if (save(cursors, cursor, &err) != 0)
            report(cursors, cursor, &err);
        (void)pthread_mutex_lock(&cursors->lock);
        struct kfs_cursor *next = cursor->next;
        if (next != NULL)
            next->refs++;
        (void)pthread_mutex_unlock(&cursors->lock);
        kfs_cursor_put(cursors, cursor);
        (void)pthread_mutex_lock(&cursors->lock);
        if (next != NULL)
            next->refs--;
        cursor = next;
    }
}

static void *run(void *arg)
{
    struct kfs_cursors *cursors = arg;

    (void)kfs_patience_enter(KFS_AT_ONCE, NULL); /* under these locks */
    (void)pthread_mutex_lock(&cursors->lock);
    while (!cursors->stop) {
        if (cursors->list == NULL)
            (void)pthread_cond_wait(&cursors->wake, &cursors->lock);
        else
            (void)kfs_cond_wait(&cursors->wake, &cursors->lock, KFS_CURSOR_SAVE_MS);
        if (!cursors->stop)
            save_all(cursors);
    }
    (void)pthread_mutex_unlock(&cursors->lock);
    return NULL;
}

/* ---- readers ---- */

/* The reader that excludes one of a shard; NULL. Under cursor.lock. */
static struct kfs_cursor_reader *excluding(const struct kfs_cursor *cursor, uint32_t shard)
{
    struct kfs_cursor_reader *r = cursor->readers;

    while (r != NULL && r->node->shard != shard && r->node->shard != KFS_NO_SHARD && shard != KFS_NO_SHARD)
        r = r->next;
    return r;
}

/* Whether the node's places are still the cursor's. Under cursor.lock. */
static bool is_current(const struct kfs_cursor *cursor, const struct kfs_node *node)
{
    const struct kfs_places *places = &atomic_load(&node->begin)->places;
    const struct kfs_place *place;

    if (node->shard == KFS_NO_SHARD && places->n != cursor->places.n)
        return false;
    for (size_t i = 0; i < places->n; i++) {
        place = kfs_places_find(&cursor->places, places->list[i].shard);
        if (place == NULL || !kfs_place_equal(place, &places->list[i]))
            return false;
    }
    return places->n > 0 || node->shard == KFS_NO_SHARD || kfs_places_find(&cursor->places, node->shard) == NULL;
}

/* A new cursor begins where the node does, and in other shards where `from` says. Under cursor.lock. */
static int adopt(struct kfs_cursor *cursor, const struct kfs_node *node, struct kfs_error *err)
{
    const struct kfs_begin *begin = atomic_load(&node->begin);
    struct kfs_places made = {0};
    int rc = 0;

    if (kfs_places_copy(&begin->places, &made) != 0)
        return kfs_fail(err, ENOMEM, "no memory for a cursor");
    if (node->shard != KFS_NO_SHARD)
        rc = add_begins(cursor->topic->stream, &begin->from, &made, err);
    if (rc != 0) {
        kfs_places_release(&made);
        return rc;
    }
    kfs_places_release(&cursor->places);
    cursor->places = made;
    cursor->exists = true;
    cursor->dirty = true;
    return 0;
}

/* Waits for a reader that was closed, whose release is in another thread's hands. Under cursor.lock. */
static void wait_for_closing(struct kfs_cursor *cursor, uint32_t shard)
{
    const struct timespec step = {0, CLOSING_STEP_NS};
    const struct kfs_cursor_reader *r;

    for (int i = 0; i < CLOSING_STEPS_MAX && (r = excluding(cursor, shard)) != NULL && atomic_load(&r->closing); i++) {
        (void)pthread_mutex_unlock(&cursor->lock);
        (void)nanosleep(&step, NULL);
        (void)pthread_mutex_lock(&cursor->lock);
    }
}

static int start_thread(struct kfs_cursors *cursors)
{
    int rc = 0;

    (void)pthread_mutex_lock(&cursors->lock);
    if (!cursors->runs && !cursors->stop) {
        rc = -pthread_create(&cursors->thread, NULL, run, cursors);
        cursors->runs = rc == 0;
    }
    (void)pthread_cond_signal(&cursors->wake);
    (void)pthread_mutex_unlock(&cursors->lock);
    return rc;
}

int kfs_cursor_attach(struct kfs_cursors *cursors, struct kfs_node *node, struct kfs_cursor_reader *reader,
                      struct kfs_error *err)
{
    struct kfs_cursor *cursor = node->cursor;
    bool is_new = false;
    int rc = start_thread(cursors);

    if (rc != 0)
        return kfs_fail(err, -rc, "cannot start a thread: %s", strerror(-rc));
    (void)pthread_mutex_lock(&cursor->lock);
    wait_for_closing(cursor, node->shard);
    if (cursor->removing || excluding(cursor, node->shard) != NULL) {
        rc = kfs_fail(err, EBUSY, "cursor '%s' is in use: another open file reads with it", cursor->name);
    } else if (!cursor->exists) {
        is_new = true;
        rc = adopt(cursor, node, err);
    } else if (!is_current(cursor, node)) {
        rc = -ESTALE; /* the kernel looks the name up again */
    }
    if (rc == 0) {
        (void)pthread_mutex_init(&reader->lock, NULL);
        reader->cursor = cursor;
        reader->node = node;
        reader->next = cursor->readers;
        cursor->readers = reader;
    }
    (void)pthread_mutex_unlock(&cursor->lock);
    if (rc == 0 && is_new) {
        rc = save(cursors, cursor, err);
        if (rc != 0)
            kfs_cursor_detach(cursors, reader);
    }
    return rc;
}

void kfs_cursor_detach(struct kfs_cursors *cursors, struct kfs_cursor_reader *reader)
{
    struct kfs_cursor *cursor = reader->cursor;
    struct kfs_error err = {0};

    if (cursor == NULL)
        return;
    if (save(cursors, cursor, &err) != 0)
        report(cursors, cursor, &err);
    (void)pthread_mutex_lock(&cursor->lock);
    struct kfs_cursor_reader **at = &cursor->readers;
    while (*at != reader)
        at = &(*at)->next;
    *at = reader->next;
    (void)pthread_mutex_unlock(&cursor->lock);
    (void)pthread_mutex_destroy(&reader->lock);
    free(reader->offsets);
    reader->cursor = NULL;
}

int kfs_cursor_confirm(struct kfs_cursors *cursors, struct kfs_cursor_reader *reader, bool all, bool closing,
                       struct kfs_error *err)
{
    int rc = all ? kfs_cursor_confirm_before(cursors, reader, UINT64_MAX, err) : 0;
    int saved = save(cursors, reader->cursor, rc == 0 ? err : NULL);

    if (closing)
        atomic_store(&reader->closing, true);
    return rc == 0 ? saved : rc;
}

/* ---- removing ---- */

int kfs_cursor_remove(struct kfs_cursors *cursors, struct kfs_cursor *cursor, struct kfs_error *err)
{
    char name[KFS_NOTE_NAME_MAX + 1];
    int rc = 0;

    note_name(cursor, name);
    (void)pthread_mutex_lock(&cursor->lock);
    wait_for_closing(cursor, KFS_NO_SHARD);
    (void)pthread_mutex_unlock(&cursor->lock);
    (void)pthread_mutex_lock(&cursor->save_lock);
    (void)pthread_mutex_lock(&cursor->lock);
    if (cursor->readers != NULL)
        rc = kfs_fail(err, EBUSY, "cursor '%s' is in use: an open file reads with it", cursor->name);
    else
        cursor->removing = true;
    (void)pthread_mutex_unlock(&cursor->lock);
    if (rc == 0) {
        rc = kfs_note_set(cursors->fs->config.backend, cursor->topic->stream, name, (struct kfs_bytes){NULL, 0}, err);
        (void)pthread_mutex_lock(&cursor->lock);
        cursor->removing = false;
        if (rc == 0) {
            kfs_places_release(&cursor->places);
            cursor->exists = false;
            cursor->damaged = false;
            cursor->dirty = false;
        }
        (void)pthread_mutex_unlock(&cursor->lock);
    }
    (void)pthread_mutex_unlock(&cursor->save_lock);
    return rc;
}
