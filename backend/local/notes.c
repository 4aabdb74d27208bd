/* Notes: files in STREAM/notes and STORE/notes (docs/FORMAT.md section 8). */
#include <errno.h>
#include <string.h>

#include "backend/local/local_internal.h"
#include "backend/notedir.h"

/* The directory that holds `notes`: the stream's or the store's. On 0 a stream is
 * locked against deletion until leave. */
static int enter(struct local_store *store, struct local_stream *stream, int *dir, struct kfs_error *err)
{
    *dir = store->dir;
    if (stream == NULL)
        return 0;
    (void)pthread_rwlock_rdlock(&stream->lock);
    int rc = 0;
    if (stream->deleted)
        rc = kfs_fail_aws(err, ENOENT, "ResourceNotFoundException", "Stream %s under account %s not found.",
                          stream->name, store->options.account);
    else
        *dir = local_stream_dir(stream);
    if (rc == 0 && *dir < 0)
        rc = kfs_fail(err, *dir == -ENOENT ? EIO : -*dir, "cannot open the directory of stream %s: %s", stream->name,
                      strerror(-*dir));
    if (rc != 0)
        (void)pthread_rwlock_unlock(&stream->lock);
    return rc;
}

static void leave(struct local_store *store, struct local_stream *stream, int dir)
{
    if (stream == NULL)
        return;
    store->options.io->close(store->options.io->ctx, dir);
    (void)pthread_rwlock_unlock(&stream->lock);
}

int local_note_get(struct kfs_backend *b, struct kfs_stream *s, const char *name, struct kfs_buf *buf,
                   struct kfs_error *err)
{
    struct local_store *store = (struct local_store *)b;
    int parent;
    int rc = enter(store, (struct local_stream *)s, &parent, err);

    if (rc == 0) {
        rc = kfs_notedir_get(store->options.io, parent, name, buf, err);
        leave(store, (struct local_stream *)s, parent);
    }
    return rc;
}

int local_note_set(struct kfs_backend *b, struct kfs_stream *s, const char *name, struct kfs_bytes text,
                   struct kfs_error *err)
{
    struct local_store *store = (struct local_store *)b;
    int parent;

    (void)pthread_mutex_lock(&store->notes);
    int rc = enter(store, (struct local_stream *)s, &parent, err);
    if (rc == 0) {
        rc = kfs_notedir_set(store->options.io, parent, name, text, err);
        leave(store, (struct local_stream *)s, parent);
    }
    (void)pthread_mutex_unlock(&store->notes);
    return rc;
}

int local_note_list(struct kfs_backend *b, struct kfs_stream *s, kfs_note_visit *visit, void *arg,
                    struct kfs_error *err)
{
    struct local_store *store = (struct local_store *)b;
    int parent;
    int rc = enter(store, (struct local_stream *)s, &parent, err);

    if (rc != 0)
        return rc;
    rc = kfs_notedir_list(store->options.io, parent, visit, arg, err);
    leave(store, (struct local_stream *)s, parent);
    return rc;
}
