/* Notes: files in STREAM/notes and STATE/notes. */
#include "backend/notedir.h"

#include "backend/kinesis/internal.h"

/* The directory that holds `notes`: the stream's or the backend's. -ENOENT where the stream is gone. */
static int parent_of(struct remote *r, struct remote_stream *stream, int *dir, struct kfs_error *err)
{
    *dir = stream == NULL ? r->dir : stream->dir;
    return stream != NULL && atomic_load(&stream->gone) ? remote_fail_gone(stream, err) : 0;
}

int remote_note_get(struct kfs_backend *b, struct kfs_stream *s, const char *name, struct kfs_buf *buf,
                    struct kfs_error *err)
{
    struct remote *r = (struct remote *)b;
    int dir;
    int rc = parent_of(r, (struct remote_stream *)s, &dir, err);

    return rc != 0 ? rc : kfs_notedir_get(r->options.io, dir, name, buf, err);
}

int remote_note_set(struct kfs_backend *b, struct kfs_stream *s, const char *name, struct kfs_bytes text,
                    struct kfs_error *err)
{
    struct remote *r = (struct remote *)b;
    int dir;

    (void)pthread_mutex_lock(&r->notes);
    int rc = parent_of(r, (struct remote_stream *)s, &dir, err);
    if (rc == 0)
        rc = kfs_notedir_set(r->options.io, dir, name, text, err);
    (void)pthread_mutex_unlock(&r->notes);
    return rc;
}

int remote_note_list(struct kfs_backend *b, struct kfs_stream *s, kfs_note_visit *visit, void *arg,
                     struct kfs_error *err)
{
    struct remote *r = (struct remote *)b;
    int dir;
    int rc = parent_of(r, (struct remote_stream *)s, &dir, err);

    return rc != 0 ? rc : kfs_notedir_list(r->options.io, dir, visit, arg, err);
}
