/* A window of a segment's data file, and the check of one record in it. */
#include <errno.h>
#include <stdlib.h>

#include "backend/base/crc32c.h"
#include "backend/log/log_internal.h"

void kfs_window_release(struct kfs_window *window)
{
    free(window->data);
    window->data = NULL;
    window->cap = 0;
    window->len = 0;
}

/* How much to read from an offset on, at least, for what will be asked for. */
static size_t ahead(const struct kfs_window *window, uint64_t offset)
{
    uint64_t end = offset < window->held_start ? window->held_start : window->end;

    if (window->held.len == 0 || end > offset + KFS_WINDOW)
        return KFS_WINDOW;
    return end > offset ? (size_t)(end - offset) : 0;
}

static int fill(struct kfs_window *window, uint64_t offset, size_t need)
{
    const struct kfs_io *io = window->seg->io;
    size_t want = ahead(window, offset);

    if (want < need)
        want = need;
    if (want > window->cap) {
        kfs_window_release(window);
        window->data = malloc(want);
        if (window->data == NULL)
            return window->failure = -ENOMEM;
        window->cap = want;
    }
    if (want > window->size - offset)
        want = (size_t)(window->size - offset);
    window->len = 0;
    ssize_t n = io->pread(io->ctx, window->seg->data_fd, window->data, want, offset);
    if (n < 0)
        return window->failure = (int)n;
    window->start = offset;
    window->len = (size_t)n;
    return (size_t)n < need ? -EIO : 0;
}

int kfs_window_get(struct kfs_window *window, uint64_t offset, size_t len, const char **data)
{
    if (offset > window->size || len > window->size - offset)
        return -EIO;
    if (offset >= window->held_start && offset + len <= window->held_start + window->held.len) {
        *data = (const char *)window->held.data + (offset - window->held_start);
        return 0;
    }
    if (offset < window->start || offset + len > window->start + window->len) {
        int rc = fill(window, offset, len);
        if (rc != 0)
            return rc;
    }
    *data = window->data + (offset - window->start);
    return 0;
}

int kfs_verify_record(const struct kfs_walk *walk, struct kfs_window *window, const char **data)
{
    size_t len = (size_t)walk->entry.length + 1;
    int rc;

    if (walk->entry.length > KFS_RECORD_BYTES_MAX)
        return -EIO;
    rc = kfs_window_get(window, walk->place.data_offset, len, data);
    if (rc != 0)
        return rc;
    uint32_t crc = kfs_crc32c(kfs_walk_entry_checksum(walk), *data, len);
    if (crc != walk->entry.checksum || (*data)[len - 1] != '\n')
        return -EIO;
    return 0;
}
