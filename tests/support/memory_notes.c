#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/memory_store.h"

void memory_drop_notes(struct memory_notes *notes)
{
    for (size_t i = 0; i < notes->n; i++)
        free(notes->notes[i].text);
    free(notes->notes);
    *notes = (struct memory_notes){0};
}

/* Takes the lock; memory_notes of the stream or of the backend. -ENOENT, still with the lock. */
static int enter(struct kfs_backend *b, struct kfs_stream *ref, struct memory_notes **notes, struct kfs_error *err)
{
    struct memory_backend *backend = (struct memory_backend *)b;
    struct memory_stream *s;
    int rc;

    if (ref == NULL) {
        pthread_mutex_lock(&backend->lock);
        *notes = &backend->notes;
        return 0;
    }
    rc = memory_enter(ref, &s, err);
    *notes = &s->notes;
    return rc;
}

static void leave(struct kfs_backend *b)
{
    pthread_mutex_unlock(&((struct memory_backend *)b)->lock);
}

static bool search(const struct memory_notes *notes, const char *name, size_t *place)
{
    size_t i = 0;

    while (i < notes->n && strcmp(notes->notes[i].name, name) < 0)
        i++;
    *place = i;
    return i < notes->n && strcmp(notes->notes[i].name, name) == 0;
}

int memory_note_get(struct kfs_backend *b, struct kfs_stream *ref, const char *name, struct kfs_buf *buf,
                    struct kfs_error *err)
{
    struct memory_notes *notes;
    size_t place;
    int rc = enter(b, ref, &notes, err);

    if (rc == 0 && search(notes, name, &place))
        rc = kfs_buf_append(buf, notes->notes[place].text, notes->notes[place].len);
    leave(b);
    return rc;
}

static void remove_at(struct memory_notes *notes, size_t place)
{
    free(notes->notes[place].text);
    notes->n--;
    memmove(&notes->notes[place], &notes->notes[place + 1], (notes->n - place) * sizeof *notes->notes);
}

static void insert_at(struct memory_notes *notes, size_t place, const char *name, struct kfs_bytes text)
{
    struct memory_note *note;

    notes->notes = memory_alloc(notes->notes, notes->n + 1, sizeof *notes->notes);
    note = &notes->notes[place];
    memmove(note + 1, note, (notes->n - place) * sizeof *note);
    notes->n++;
    (void)snprintf(note->name, sizeof note->name, "%s", name);
    note->text = memory_alloc(NULL, text.len, 1);
    memcpy(note->text, text.data, text.len);
    note->len = text.len;
}

void memory_put_note(struct memory_notes *notes, const char *name, struct kfs_bytes text)
{
    size_t place;

    if (search(notes, name, &place))
        remove_at(notes, place);
    if (text.len > 0)
        insert_at(notes, place, name, text);
}

int memory_note_set(struct kfs_backend *b, struct kfs_stream *ref, const char *name, struct kfs_bytes text,
                    struct kfs_error *err)
{
    struct memory_notes *notes;
    int rc = enter(b, ref, &notes, err);

    if (rc == 0)
        memory_put_note(notes, name, text);
    leave(b);
    return rc;
}

int memory_note_list(struct kfs_backend *b, struct kfs_stream *ref, kfs_note_visit *visit, void *arg,
                     struct kfs_error *err)
{
    struct memory_notes *notes;
    char(*names)[KFS_NOTE_NAME_MAX + 1] = NULL;
    size_t n = 0;
    int rc = enter(b, ref, &notes, err);

    if (rc == 0) {
        n = notes->n;
        names = memory_alloc(NULL, n, sizeof *names);
        for (size_t i = 0; i < n; i++)
            memcpy(names[i], notes->notes[i].name, sizeof names[i]);
    }
    leave(b);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = visit(arg, names[i]);
    free(names);
    return rc;
}
