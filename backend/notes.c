/* The checked wrappers of notes; see backend.c. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/crossing.h"

#define RESERVED_END ".new" /* what a file that is being replaced is called */

bool kfs_note_name_valid(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    const size_t end = sizeof RESERVED_END - 1;
    size_t len;

    assert(name != NULL);
    len = strspn(name, allowed);
    if (len < 1 || len > KFS_NOTE_NAME_MAX || name[len] != '\0' || name[0] == '.')
        return false;
    return len < end || strcmp(name + len - end, RESERVED_END) != 0;
}

static int check(const struct kfs_backend *b, const struct kfs_stream *stream, const char *name, struct kfs_error *err)
{
    assert(b != NULL && name != NULL);
    assert(stream == NULL || stream->backend == b);
    (void)b;
    (void)stream;
    if (!kfs_note_name_valid(name))
        return kfs_fail(err, EINVAL, "no note can have this name");
    return 0;
}

int kfs_note_get(struct kfs_backend *b, struct kfs_stream *stream, const char *name, struct kfs_buf *buf,
                 struct kfs_error *err)
{
    size_t before;
    int rc;

    assert(buf != NULL);
    kfs_op_begin(err);
    rc = check(b, stream, name, err);
    if (rc != 0)
        return rc;
    before = buf->len;
    rc = kfs_op_end(b->ops->note_get(b, stream, name, buf, err), err);
    if (rc != 0)
        buf->len = before;
    assert(buf->len - before <= KFS_NOTE_BYTES_MAX);
    return rc;
}

int kfs_note_set(struct kfs_backend *b, struct kfs_stream *stream, const char *name, struct kfs_bytes text,
                 struct kfs_error *err)
{
    int rc;

    assert(text.len == 0 || text.data != NULL);
    kfs_op_begin(err);
    rc = check(b, stream, name, err);
    if (rc != 0)
        return rc;
    if (text.len > KFS_NOTE_BYTES_MAX)
        return kfs_fail(err, EMSGSIZE, "a note of %zu bytes is over the limit of %u", text.len, KFS_NOTE_BYTES_MAX);
    return kfs_op_end(b->ops->note_set(b, stream, name, text, err), err);
}

struct listing {
    kfs_note_visit *visit;
    void *arg;
    int stopped; /* what visit returned last */
};

static int list_one(void *arg, const char *name)
{
    struct listing *listing = arg;

    assert(listing->stopped == 0 && kfs_note_name_valid(name));
    listing->stopped = listing->visit(listing->arg, name);
    return listing->stopped;
}

int kfs_note_list(struct kfs_backend *b, struct kfs_stream *stream, kfs_note_visit *visit, void *arg,
                  struct kfs_error *err)
{
    struct listing listing = {.visit = visit, .arg = arg};
    int rc;

    assert(b != NULL && visit != NULL);
    assert(stream == NULL || stream->backend == b);
    kfs_op_begin(err);
    rc = b->ops->note_list(b, stream, list_one, &listing, err);
    if (listing.stopped == 0)
        return kfs_op_end(rc, err);
    assert(rc == listing.stopped);
    return rc;
}
