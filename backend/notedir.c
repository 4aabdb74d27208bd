#include "backend/notedir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTES_MAX 65536 /* of one stream, listed at a time */

/* The directory `notes`, made and durable where `make`. A descriptor, or -errno. */
static int open_notes(const struct kfs_io *io, int parent, bool make)
{
    int dir = io->open(io->ctx, parent, "notes", KFS_OPEN_DIR);

    if (dir != -ENOENT || !make)
        return dir;
    return kfs_io_make_dir(io, parent, "notes");
}

int kfs_notedir_get(const struct kfs_io *io, int parent, const char *name, struct kfs_buf *buf, struct kfs_error *err)
{
    int dir = open_notes(io, parent, false);
    int rc = dir < 0 ? dir : kfs_io_read_file(io, dir, name, buf);

    if (dir >= 0)
        io->close(io->ctx, dir);
    if (rc == -ENOENT)
        return 0;
    return rc == 0 ? 0 : kfs_fail(err, -rc, "cannot read the note %s: %s", name, strerror(-rc));
}

struct leftover {
    const struct kfs_io *io;
    int dir;
};

static int remove_leftover(void *arg, const char *name)
{
    const struct leftover *l = arg;

    return l->io->unlink(l->io->ctx, l->dir, name);
}

int kfs_notedir_make(const struct kfs_io *io, int parent, const char *name, struct kfs_bytes text)
{
    struct leftover l = {io, open_notes(io, parent, name != NULL)};

    if (l.dir < 0)
        return l.dir == -ENOENT && name == NULL ? 0 : l.dir;
    int rc = io->list(io->ctx, l.dir, remove_leftover, &l);
    if (rc == 0)
        rc = name == NULL ? io->sync_dir(io->ctx, l.dir) : kfs_io_replace(io, l.dir, name, text.data, text.len);
    io->close(io->ctx, l.dir);
    return rc;
}

static int remove_note(const struct kfs_io *io, int dir, const char *name)
{
    int rc = io->unlink(io->ctx, dir, name);

    if (rc == 0)
        rc = io->sync_dir(io->ctx, dir);
    return rc == -ENOENT ? 0 : rc;
}

int kfs_notedir_set(const struct kfs_io *io, int parent, const char *name, struct kfs_bytes text, struct kfs_error *err)
{
    int dir = open_notes(io, parent, text.len > 0);
    int rc;

    if (dir < 0)
        rc = dir == -ENOENT && text.len == 0 ? 0 : dir;
    else if (text.len == 0)
        rc = remove_note(io, dir, name);
    else
        rc = kfs_io_replace(io, dir, name, text.data, text.len);
    if (dir >= 0)
        io->close(io->ctx, dir);
    return rc == 0 ? 0 : kfs_fail(err, -rc, "cannot write the note %s: %s", name, strerror(-rc));
}

/* ---- listing ---- */

typedef char note_name[KFS_NOTE_NAME_MAX + 1];

struct names {
    note_name *names;
    size_t n;
    size_t cap;
};

static int add_name(void *arg, const char *name)
{
    struct names *list = arg;

    if (!kfs_note_name_valid(name)) /* what a replacement left behind in a crash */
        return 0;
    if (list->n == list->cap) {
        size_t cap = list->cap == 0 ? 16 : list->cap * 2;
        note_name *names = cap <= NOTES_MAX ? realloc(list->names, cap * sizeof *names) : NULL;
        if (names == NULL)
            return -ENOMEM;
        list->names = names;
        list->cap = cap;
    }
    (void)snprintf(list->names[list->n++], sizeof *list->names, "%s", name);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

int kfs_notedir_list(const struct kfs_io *io, int parent, kfs_note_visit *visit, void *arg, struct kfs_error *err)
{
    struct names list = {0};
    int dir = open_notes(io, parent, false);
    int rc = dir < 0 ? dir : io->list(io->ctx, dir, add_name, &list);

    if (dir >= 0)
        io->close(io->ctx, dir);
    if (rc == -ENOENT)
        return 0;
    if (rc != 0) {
        rc = kfs_fail(err, -rc, "cannot list the notes: %s", strerror(-rc));
    } else {
        if (list.n > 0)
            qsort(list.names, list.n, sizeof *list.names, by_name);
        for (size_t i = 0; rc == 0 && i < list.n; i++)
            rc = visit(arg, list.names[i]);
    }
    free(list.names);
    return rc;
}
