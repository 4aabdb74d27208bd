#include "fs/merge.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "fs/merge_internal.h"

/* A rendering that is larger is not kept when it was passed. */
#define SPILL_KEPT ((size_t)64 << 10)

/* ---- reading ---- */

/* Copies what the cursor's spill has from the offset on. */
static size_t copy_spill(const struct merge_cursor *c, uint64_t offset, void *data, size_t len)
{
    size_t left = (size_t)(c->at - offset);

    assert(left <= c->spill.len);
    if (left > len)
        left = len;
    if (left > 0)
        memcpy(data, c->spill.data + c->spill.len - (c->at - offset), left);
    return left;
}

static void empty_spill(struct merge_cursor *c)
{
    c->spill.len = 0;
    if (c->spill.cap > SPILL_KEPT)
        kfs_buf_release(&c->spill);
}

/* Renders a record into the spill, and what fits of it behind what `out` has. */
static int render_part(struct kfs_merge *m, struct merge_cursor *c, const struct kfs_record *record, uint32_t shard,
                       struct kfs_buf *out)
{
    size_t part = out->max - out->len;
    int rc = kfs_decoder_render(&m->decoder, record, shard, &c->spill);

    if (rc != 0)
        return rc;
    if (part > c->spill.len)
        part = c->spill.len;
    if (part > 0)
        memcpy(out->data + out->len, c->spill.data, part);
    out->len += part;
    return 0;
}

/* Renders the run behind what `out` has: what fits of it, or of its first record what fits and all of it into the
 * spill; where that is to be decoded always the latter. */
static int render(struct kfs_merge *m, struct merge_cursor *c, const struct kfs_record *records, uint32_t shard,
                  struct kfs_buf *out)
{
    size_t had = out->len;
    size_t plain = kfs_decoder_plain(&m->decoder, records, merge_cursor_run(c)); /* decoding is not done twice */
    size_t n = plain > 0 ? m->decoder.framing->render_run(records, plain, shard, out) : 0;
    int rc;

    empty_spill(c);
    if (n > 0) {
        merge_cursor_take(m, c, n, out->len - had);
        return 0;
    }
    rc = render_part(m, c, records, shard, out);
    if (rc == 0)
        merge_cursor_take(m, c, 1, c->spill.len);
    return rc;
}

/* The same with records as they are stored. Whether there were any: else they are to be peeked, which tells of errors
 * too. */
static bool render_stored(struct kfs_merge *m, struct merge_cursor *c, struct kfs_buf *out)
{
    struct kfs_stored stored;
    size_t had = out->len;
    size_t n;

    stored.room = out->max - had;
    stored.frame = kfs_decoder_frame(&m->decoder);
    if (stored.frame == KFS_FRAME_VARIES)
        return false;
    merge_cursor_stored(m, c, &stored);
    if (stored.n == 0)
        return false;
    n = m->decoder.framing->render_stored(&stored, out);
    empty_spill(c);
    if (n > 0)
        merge_cursor_take_stored(m, c, &stored, n - 1, out->len - had);
    if (n == stored.n)
        return true;

    const uint32_t at = n > 0 ? stored.ends[n - 1] : 0;
    const struct kfs_record last = {.key = {"", 0}, .data = {stored.bytes + at, stored.ends[n] - at - 1}};
    if (render_part(m, c, &last, KFS_NO_SHARD, out) != 0)
        return n > 0;
    merge_cursor_take_stored(m, c, &stored, n, c->spill.len);
    return true;
}

/* Reads from a cursor that is at the offset. */
static ssize_t read_from(struct kfs_merge *m, struct merge_cursor *c, uint64_t offset, void *data, size_t len,
                         struct kfs_error *err)
{
    /* Its cap is its max: it never grows, so records are rendered into the caller's memory. */
    struct kfs_buf out = {.data = data, .cap = len, .max = len};
    int rc = 0;

    out.len = copy_spill(c, offset, data, len);
    if (out.len == c->at - offset && c->spill.cap > SPILL_KEPT)
        kfs_buf_release(&c->spill);
    while (out.len < len) {
        struct kfs_error *to = out.len == 0 ? err : NULL;
        const struct kfs_record *record;
        uint32_t shard;
        if (render_stored(m, c, &out))
            continue;
        rc = merge_cursor_peek(m, c, &record, &shard, to);
        if (rc <= 0)
            break;
        rc = render(m, c, record, shard, &out);
        if (rc != 0) {
            (void)kfs_fail(to, -rc, "no memory for a record");
            break;
        }
    }
    return out.len == 0 ? rc : (ssize_t)out.len;
}

static ssize_t read_locked(struct kfs_merge *m, uint64_t offset, void *data, size_t len, struct kfs_error *err)
{
    struct merge_cursor *c;
    int rc = 1;

    if (offset >= m->history.end)
        rc = merge_extend(m, err);
    if (rc > 0)
        rc = offset < m->history.end ? merge_seek(m, offset, &c, err) : 0;
    return rc <= 0 ? rc : read_from(m, c, offset, data, len, err);
}

/* Saves the gauges that are due, after a call that may have measured. */
static void save_gauges(struct kfs_merge *m)
{
    struct kfs_gauge *due;

    do {
        due = NULL;
        (void)pthread_mutex_lock(&m->lock);
        for (size_t i = 0; i < m->n && due == NULL; i++) {
            if (m->shards[i].gauge != NULL && kfs_gauge_due(m->shards[i].gauge))
                due = m->shards[i].gauge;
        }
        (void)pthread_mutex_unlock(&m->lock);
        if (due != NULL)
            kfs_gauge_save(due, m->stream);
    } while (due != NULL);
}

/* Whether it has more in memory than every open file may. */
static bool holds_much(const struct kfs_merge *m)
{
    bool much = m->prefetched > 0;

    for (size_t i = 0; i < KFS_MERGE_CURSORS; i++)
        much |= m->cursors[i].spill.cap > SPILL_KEPT;
    return much;
}

ssize_t kfs_merge_read(struct kfs_merge *merge, uint64_t offset, void *data, size_t len, struct kfs_error *err)
{
    ssize_t got;
    bool measured;
    bool holds;

    assert(merge != NULL && (data != NULL || len == 0) && len <= SSIZE_MAX);
    if (len == 0)
        return 0;
    (void)pthread_mutex_lock(&merge->lock);
    got = read_locked(merge, offset, data, len, err);
    holds = holds_much(merge);
    measured = merge->measured;
    merge->measured = false;
    (void)pthread_mutex_unlock(&merge->lock);
    if (measured)
        save_gauges(merge);
    if (holds)
        merge_pool_used(merge);
    return got;
}

void kfs_merge_take_undecoded(struct kfs_merge *merge, struct kfs_undecoded *undecoded)
{
    assert(merge != NULL && undecoded != NULL);
    (void)pthread_mutex_lock(&merge->lock);
    *undecoded = merge->decoder.undecoded;
    merge->decoder.undecoded = (struct kfs_undecoded){.records = 0};
    (void)pthread_mutex_unlock(&merge->lock);
}

/* ---- the size ---- */

int kfs_merge_size(struct kfs_merge *merge, uint64_t *size, struct kfs_error *err)
{
    bool measured;
    int rc;

    assert(merge != NULL && size != NULL);
    (void)pthread_mutex_lock(&merge->lock);
    rc = merge_extend(merge, err);
    if (rc >= 0)
        *size = merge->history.end;
    measured = merge->measured;
    merge->measured = false;
    (void)pthread_mutex_unlock(&merge->lock);
    if (measured)
        save_gauges(merge);
    return rc < 0 ? rc : 0;
}

uint64_t kfs_merge_known_size(struct kfs_merge *merge)
{
    uint64_t size;

    assert(merge != NULL);
    (void)pthread_mutex_lock(&merge->lock);
    size = merge->history.end;
    (void)pthread_mutex_unlock(&merge->lock);
    return size;
}

/* ---- places ---- */

/* The slots of a cursor that stands at an offset, or has rendered what covers it. -ENOMEM. */
static int list_slots(const struct kfs_merge *m, const struct merge_cursor *c, uint64_t offset,
                      struct kfs_merge_offset **list, size_t *n)
{
    struct kfs_merge_offset *made = malloc(c->n * sizeof *made);

    *n = 0;
    if (made == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < c->n; i++) {
        uint64_t next = c->at > offset && c->taken_slot == i ? c->taken_offset : c->slots[i].next;
        if (next > m->shards[i].base)
            made[(*n)++] = (struct kfs_merge_offset){m->shards[i].index, next};
    }
    *list = made;
    return 0;
}

int kfs_merge_offsets(struct kfs_merge *merge, uint64_t offset, struct kfs_merge_offset **list, size_t *n,
                      struct kfs_error *err)
{
    struct merge_cursor *c;
    int rc = 0;

    assert(merge != NULL && list != NULL && n != NULL);
    *list = NULL;
    *n = 0;
    (void)pthread_mutex_lock(&merge->lock);
    if (offset > 0 && offset <= merge->history.end) {
        rc = merge_seek(merge, offset, &c, err);
        if (rc > 0 && list_slots(merge, c, offset, list, n) != 0)
            rc = kfs_fail(err, ENOMEM, "no memory for the shards of a stream");
    }
    (void)pthread_mutex_unlock(&merge->lock);
    return rc < 0 ? rc : 0;
}

/* ---- making ---- */

int kfs_merge_new(struct kfs_merge_pool *pool, const struct kfs_merge_file *file, struct kfs_merge **out,
                  struct kfs_error *err)
{
    struct kfs_merge *m;
    int rc;

    assert(pool != NULL && file != NULL && file->stream != NULL && file->framing != NULL && out != NULL);
    m = calloc(1, sizeof *m);
    if (m == NULL)
        return kfs_fail(err, ENOMEM, "no memory to open a merged file");
    (void)pthread_mutex_init(&m->lock, NULL);
    m->pool = pool;
    m->stream = file->stream;
    m->only = file->shard;
    kfs_decoder_init(&m->decoder, file->framing, file->coding);
    m->from = file->from;
    m->places = file->places;
    for (size_t i = 0; i < KFS_MERGE_CURSORS; i++)
        merge_cursor_init(&m->cursors[i], &m->decoder);
    rc = kfs_stream_info(m->stream, &m->info, err);
    if (rc == 0)
        rc = merge_begin(m, err);
    if (rc < 0) {
        kfs_merge_free(m);
        return rc;
    }
    *out = m;
    return 0;
}

void kfs_merge_free(struct kfs_merge *merge)
{
    if (merge == NULL)
        return;
    merge_pool_remove(merge);
    for (size_t i = 0; i < KFS_MERGE_CURSORS; i++)
        merge_cursor_release(merge, &merge->cursors[i]);
    for (size_t i = 0; i < merge->n; i++) {
        kfs_reader_close(merge->shards[i].reader);
        kfs_gauge_put(&merge->pool->gauges, merge->shards[i].gauge);
    }
    assert(merge->prefetched == 0);
    free(merge->shards);
    kfs_decoder_release(&merge->decoder);
    merge_history_release(&merge->history);
    (void)pthread_mutex_destroy(&merge->lock);
    free(merge);
}
