#include "fs/merge.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "fs/merge_internal.h"

#define NO_SLOT UINT32_MAX

/* A rendering that is larger is not kept when it was passed. */
#define SPILL_KEPT ((size_t)64 << 10)

/* ---- extending ---- */

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* The slot of a shard among the first n, or NO_SLOT. Slots stand in order of
 * index where shards appear in that order, as they do; else all are looked at. */
static uint32_t find_slot(const struct kfs_merge *m, size_t n, uint32_t index)
{
    size_t low = 0;
    size_t high = n;

    if (index == KFS_NO_SHARD)
        return NO_SLOT;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (m->shards[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < n && m->shards[low].index == index)
        return (uint32_t)low;
    for (size_t i = 0; i < n; i++) {
        if (m->shards[i].index == index)
            return (uint32_t)i;
    }
    return NO_SLOT;
}

/* Sets *n to the number of shards with those that are new, which stand behind the m->n known ones. */
static int look_for_shards(struct kfs_merge *m, size_t *n, struct kfs_error *err)
{
    struct kfs_shard_info *list;
    struct merge_shard *grown;
    size_t listed;
    size_t count = m->n;
    int rc = kfs_shard_list(m->stream, &list, &listed, err);

    if (rc != 0)
        return rc;
    grown = realloc(m->shards, (m->n + listed) * sizeof *grown);
    if (grown == NULL && m->n + listed > 0) {
        rc = kfs_fail(err, ENOMEM, "no memory for the shards of a stream");
        goto out;
    }
    m->shards = grown;
    for (size_t i = 0; i < listed; i++) {
        if (find_slot(m, m->n, list[i].index) != NO_SLOT)
            continue;
        m->shards[count] = (struct merge_shard){.index = list[i].index};
        m->shards[count].parents[0] = find_slot(m, count, list[i].parent);
        m->shards[count].parents[1] = find_slot(m, count, list[i].adjacent_parent);
        count++;
    }
    *n = count;
out:
    free(list);
    return rc;
}

/* Sees how far a shard goes now. */
static int look_at(struct kfs_merge *m, uint32_t slot, struct kfs_error *err)
{
    struct merge_shard *shard = &m->shards[slot];
    bool is_new = slot >= m->n;
    struct kfs_extent extent;
    int rc = 0;

    shard->seen_end = shard->end;
    shard->seen_ms = shard->last_ms;
    shard->seen_floor_ms = shard->floor_ms;
    if (!shard->gone)
        rc = kfs_shard_extent(m->stream, shard->index, &extent, err);
    if (rc == -ENOENT && !(is_new && m->only != KFS_NO_SHARD) && merge_explain(m, slot, rc, NULL) == -ESTALE) {
        /* It expired. What it had stays counted. */
        shard->gone = true;
        rc = 0;
    }
    if (rc != 0 || shard->gone)
        return rc;
    if (is_new) {
        shard->base = extent.start;
        shard->end = extent.start;
    }
    shard->seen_end = larger(shard->end, extent.end);
    for (size_t i = 0; i < 2; i++) {
        if (shard->parents[i] != NO_SLOT)
            shard->seen_floor_ms = larger(shard->seen_floor_ms, m->shards[shard->parents[i]].seen_ms);
    }
    shard->seen_ms = larger(shard->seen_ms, shard->seen_floor_ms);
    if (shard->seen_end > shard->base)
        shard->seen_ms = larger(shard->seen_ms, extent.last_arrival_ms);
    return 0;
}

/* The part of each of n shards that was seen and not yet there. */
static int collect(const struct kfs_merge *m, size_t n, struct merge_extension *x, uint64_t *bytes)
{
    size_t grown = 0;

    for (size_t i = 0; i < n; i++)
        grown += m->shards[i].seen_end > m->shards[i].end;
    if (grown == 0)
        return 0;
    x->entries = malloc(grown * sizeof *x->entries);
    if (x->entries == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const struct merge_shard *shard = &m->shards[i];
        if (shard->seen_end == shard->end)
            continue;
        x->entries[x->n++] = (struct merge_entry){(uint32_t)i, shard->seen_end, shard->seen_floor_ms};
        x->last_ms = larger(x->last_ms, shard->seen_ms);
        *bytes += shard->seen_end - shard->end;
    }
    return 0;
}

/* Puts what is there now and was not after what was; on failure nothing has
 * changed. The last extension has been measured. Returns whether there was anything. */
static int extend(struct kfs_merge *m, struct kfs_error *err)
{
    struct merge_history *h = &m->history;
    struct merge_extension x = {.start = h->end};
    uint64_t bytes = 0;
    size_t n = m->n;
    int rc = 0;

    assert(!h->open);
    if (m->only == KFS_NO_SHARD)
        rc = look_for_shards(m, &n, err);
    else
        n = 1;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = look_at(m, (uint32_t)i, err);
    if (rc != 0)
        return rc;
    rc = collect(m, n, &x, &bytes);
    if (rc == 0 && x.entries != NULL)
        rc = merge_history_add(h, &x);
    if (rc != 0) {
        free(x.entries);
        return kfs_fail(err, -rc, "no memory for what was appended to a stream");
    }
    for (size_t i = 0; i < n; i++) {
        m->shards[i].end = m->shards[i].seen_end;
        m->shards[i].last_ms = m->shards[i].seen_ms;
        m->shards[i].floor_ms = m->shards[i].seen_floor_ms;
    }
    m->n = n;
    if (x.entries == NULL)
        return 0;
    if (m->framing->stored)
        h->end += bytes;
    else
        h->open = true;
    return 1;
}

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

/* Renders a record behind what `out` has, or what fits of it and all of it into the spill. */
static int render(struct kfs_merge *m, struct merge_cursor *c, const struct kfs_record *record, uint32_t shard,
                  struct kfs_buf *out)
{
    size_t had = out->len;
    size_t part = out->max - had;
    int rc = m->framing->render(record, shard, out);

    c->spill.len = 0;
    if (c->spill.cap > SPILL_KEPT)
        kfs_buf_release(&c->spill);
    if (rc == 0) {
        merge_cursor_take(m, c, out->len - had);
        return 0;
    }
    rc = m->framing->render(record, shard, &c->spill);
    if (rc != 0)
        return rc;
    assert(c->spill.len > part);
    memcpy(out->data + had, c->spill.data, part);
    out->len += part;
    merge_cursor_take(m, c, c->spill.len);
    return 0;
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
    const struct merge_history *h = &m->history;
    struct merge_cursor *c;
    bool extended = false;

    for (;;) {
        ssize_t got;
        int rc;
        if (!h->open && offset >= h->end) {
            rc = extended ? 0 : extend(m, err);
            if (rc <= 0)
                return rc;
            extended = true;
            continue;
        }
        rc = merge_seek(m, offset, &c, err);
        if (rc < 0)
            return rc;
        got = rc == 0 ? 0 : read_from(m, c, offset, data, len, err);
        if (got != 0)
            return got;
        /* The open extension ended at the offset or before. */
        assert(!h->open && offset >= h->end);
    }
}

ssize_t kfs_merge_read(struct kfs_merge *merge, uint64_t offset, void *data, size_t len, struct kfs_error *err)
{
    ssize_t got;
    bool holds;

    assert(merge != NULL && (data != NULL || len == 0) && len <= SSIZE_MAX);
    if (len == 0)
        return 0;
    (void)pthread_mutex_lock(&merge->lock);
    got = read_locked(merge, offset, data, len, err);
    holds = merge->prefetched > 0;
    (void)pthread_mutex_unlock(&merge->lock);
    if (holds)
        merge_pool_used(merge);
    return got;
}

/* ---- the size ---- */

int kfs_merge_size(struct kfs_merge *merge, uint64_t *size, struct kfs_error *err)
{
    bool holds;
    int rc;

    assert(merge != NULL && size != NULL);
    (void)pthread_mutex_lock(&merge->lock);
    rc = merge_measure(merge, err);
    if (rc == 0)
        rc = extend(merge, err);
    if (rc >= 0)
        rc = merge_measure(merge, err);
    if (rc == 0)
        *size = merge->history.end;
    holds = merge->prefetched > 0;
    (void)pthread_mutex_unlock(&merge->lock);
    if (holds)
        merge_pool_used(merge);
    return rc;
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

/* ---- making ---- */

int kfs_merge_new(struct kfs_merge_pool *pool, struct kfs_stream *stream, uint32_t shard,
                  const struct kfs_framing *framing, struct kfs_merge **out, struct kfs_error *err)
{
    struct kfs_merge *m;
    int rc = 0;

    assert(pool != NULL && stream != NULL && framing != NULL && out != NULL);
    m = calloc(1, sizeof *m);
    if (m == NULL)
        return kfs_fail(err, ENOMEM, "no memory to open a merged file");
    (void)pthread_mutex_init(&m->lock, NULL);
    m->pool = pool;
    m->stream = stream;
    m->only = shard;
    m->framing = framing;
    for (size_t i = 0; i < KFS_MERGE_CURSORS; i++)
        merge_cursor_init(&m->cursors[i], framing);
    merge_cursor_init(&m->meter, framing);
    if (shard != KFS_NO_SHARD) {
        m->shards = malloc(sizeof *m->shards);
        if (m->shards == NULL)
            rc = kfs_fail(err, ENOMEM, "no memory to open a merged file");
        else
            *m->shards = (struct merge_shard){.index = shard, .parents = {NO_SLOT, NO_SLOT}};
    }
    if (rc == 0)
        rc = extend(m, err);
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
    merge_cursor_release(merge, &merge->meter);
    for (size_t i = 0; i < merge->n; i++)
        kfs_reader_close(merge->shards[i].reader);
    assert(merge->prefetched == 0);
    free(merge->shards);
    merge_history_release(&merge->history);
    (void)pthread_mutex_destroy(&merge->lock);
    free(merge);
}
