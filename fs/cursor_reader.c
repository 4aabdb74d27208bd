/* What one open file has read through a cursor, and how much of it counts. */
#include <stdlib.h>

#include "fs/fs_internal.h"

int kfs_cursor_confirm_before(struct kfs_cursors *cursors, struct kfs_cursor_reader *reader, uint64_t offset,
                              struct kfs_error *err)
{
    struct kfs_merge_offset *offsets = NULL;
    size_t n = 0;

    (void)pthread_mutex_lock(&reader->lock);
    if (offset > reader->read_end)
        offset = reader->read_end;
    bool moves = offset > reader->confirmed;
    (void)pthread_mutex_unlock(&reader->lock);
    if (moves) {
        int rc = kfs_node_offsets(cursors->fs, reader->node, offset, &offsets, &n, err);
        if (rc != 0)
            return rc;
    }
    (void)pthread_mutex_lock(&reader->lock);
    if (offset > reader->confirmed) {
        struct kfs_merge_offset *before = reader->offsets;
        reader->offsets = offsets;
        reader->n_offsets = n;
        reader->confirmed = offset;
        offsets = before;
    }
    (void)pthread_mutex_unlock(&reader->lock);
    free(offsets);
    return 0;
}

void kfs_cursor_reads(struct kfs_cursors *cursors, struct kfs_cursor_reader *reader, uint64_t offset)
{
    (void)pthread_mutex_lock(&reader->lock);
    bool piece = offset != 0 && offset == reader->piece_end;
    (void)pthread_mutex_unlock(&reader->lock);
    /* Where it cannot be said, the read will tell why, and what comes before it is read again. */
    if (!piece)
        (void)kfs_cursor_confirm_before(cursors, reader, offset, NULL);
    if (atomic_load(&reader->closing)) /* that was a duplicate */
        atomic_store(&reader->closing, false);
}

void kfs_cursor_has_read(struct kfs_cursor_reader *reader, uint64_t offset, size_t n, size_t len)
{
    (void)pthread_mutex_lock(&reader->lock);
    if (n == len && n > KFS_UNCUT_BYTES_MAX)
        reader->piece_end = offset + n;
    else if (offset == reader->piece_end)
        reader->piece_end = 0; /* it was the last */
    if (offset <= reader->read_end && offset + n > reader->read_end)
        reader->read_end = offset + n;
    (void)pthread_mutex_unlock(&reader->lock);
}
