/* Getting a cursor to an offset. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/merge_internal.h"

static bool covers(const struct merge_cursor *c, uint64_t offset)
{
    return c->placed && offset <= c->at && offset >= c->at - c->spill.len;
}

static struct merge_cursor *least_used(struct kfs_merge *m)
{
    struct merge_cursor *least = &m->cursors[0];

    for (size_t i = 1; i < KFS_MERGE_CURSORS; i++) {
        if (m->cursors[i].used < least->used)
            least = &m->cursors[i];
    }
    return least;
}

/* The reading cursor that is nearest before the offset, but not before `from`; or NULL. */
static struct merge_cursor *nearest(struct kfs_merge *m, uint64_t from, uint64_t offset)
{
    struct merge_cursor *best = NULL;

    for (size_t i = 0; i < KFS_MERGE_CURSORS; i++) {
        struct merge_cursor *c = &m->cursors[i];
        if (c->placed && c->at >= from && c->at <= offset && (best == NULL || c->at > best->at))
            best = c;
    }
    return best;
}

/* Places a cursor in an extension, at a checkpoint of it or (NULL) its start, or
 * where times say that the offset is. */
static int place(struct kfs_merge *m, struct merge_cursor *c, size_t extension,
                 const struct merge_checkpoint *checkpoint, const uint64_t *by_time, struct kfs_error *err)
{
    uint64_t at = m->history.extensions[extension].start;
    uint64_t *next = malloc(m->n * sizeof *next);
    int rc = 0;

    if (next == NULL)
        return kfs_fail(err, ENOMEM, "no memory to seek");
    merge_history_start(&m->history, extension, m->shards, m->n, next);
    if (by_time != NULL) {
        rc = merge_time_seek(m, extension, *by_time, next, &at, err);
    } else if (checkpoint != NULL) {
        at = checkpoint->at;
        memcpy(next, checkpoint->next, checkpoint->n * sizeof *next);
    }
    if (rc == 0) {
        rc = merge_cursor_place(m, c, extension, at, next);
        if (rc != 0)
            (void)kfs_fail(err, -rc, "no memory for the shards of a stream");
    }
    free(next);
    return rc;
}

/* Passes records until the cursor stands at the offset or has rendered what covers it. */
static int pass(struct kfs_merge *m, struct merge_cursor *c, uint64_t offset, struct kfs_error *err)
{
    while (c->at < offset) {
        const struct kfs_record *record;
        uint32_t shard;
        size_t size;
        int rc = merge_cursor_peek(m, c, &record, &shard, err);
        if (rc <= 0)
            return rc;
        c->spill.len = 0;
        rc = kfs_decoder_size(&m->decoder, record, &size);
        if (rc == 0 && size > offset - c->at)
            rc = kfs_decoder_render(&m->decoder, record, shard, &c->spill);
        if (rc != 0)
            return kfs_fail(err, -rc, "no memory for a record");
        merge_cursor_take(m, c, 1, size);
    }
    return 1;
}

/* Takes a cursor there that is not. 1, -errno; 0 where the records end before. */
static int bring(struct kfs_merge *m, uint64_t offset, struct merge_cursor **cursor, struct kfs_error *err)
{
    const struct merge_history *h = &m->history;
    size_t extension = merge_history_find(h, offset);
    uint64_t from = h->extensions[extension].start;
    const struct merge_checkpoint *checkpoint = merge_history_checkpoint(h, from, offset);

    if (checkpoint != NULL)
        from = checkpoint->at;
    struct merge_cursor *c = nearest(m, from, offset);
    bool far = offset - (c != NULL ? c->at : from) > merge_history_interval(h, m->n);
    int rc = 0;
    if (c == NULL || far) {
        c = least_used(m);
        rc = place(m, c, extension, checkpoint, far ? &offset : NULL, err);
    }
    if (rc == 0)
        rc = pass(m, c, offset, err);
    if (rc == -ESTALE && !far) { /* it began where retention has come to; the offset may lie behind that */
        rc = place(m, c, extension, NULL, &offset, err);
        if (rc == 0)
            rc = pass(m, c, offset, err);
    }
    *cursor = c;
    return rc;
}

int merge_seek(struct kfs_merge *m, uint64_t offset, struct merge_cursor **cursor, struct kfs_error *err)
{
    struct merge_cursor *c = NULL;

    for (size_t i = 0; i < KFS_MERGE_CURSORS; i++) {
        /* One that has passed into the offset's record serves; one that stands there serves better. */
        if (covers(&m->cursors[i], offset) && (c == NULL || m->cursors[i].at == offset))
            c = &m->cursors[i];
    }
    int rc = c != NULL ? 1 : bring(m, offset, &c, err);
    if (rc <= 0)
        return rc;
    c->used = ++m->calls;
    *cursor = c;
    return 1;
}
