/* What a merge has of its shards: where it begins in each, and its extensions. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "fs/from.h"
#include "fs/merge_internal.h"

#define NO_SLOT UINT32_MAX

/* ---- shards ---- */

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

/* The only shard of a merge that is not of all. */
static int look_for_shard(struct kfs_merge *m, size_t *n, struct kfs_error *err)
{
    if (m->shards == NULL) {
        m->shards = malloc(sizeof *m->shards);
        if (m->shards == NULL)
            return kfs_fail(err, ENOMEM, "no memory to open a merged file");
        *m->shards = (struct merge_shard){.index = m->only, .parents = {NO_SLOT, NO_SLOT}};
    }
    *n = 1;
    return 0;
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

/* Sets where the merge begins in a shard that is new to it: at its horizon, or where the
 * file begins, if the shard was there when it was made. An offset is taken as it is, for a file that others have
 * read from there before retention came. */
static int begin_shard(struct kfs_merge *m, struct merge_shard *shard, struct kfs_error *err)
{
    struct kfs_reader *reader = NULL;
    struct kfs_extent extent;
    uint64_t offset = 0;
    uint64_t record = 0;
    struct kfs_position from = kfs_from_in_shard(&m->from, shard->index);
    int rc = 0;

    if (m->places != NULL)
        from = kfs_place_position(kfs_places_find(m->places, shard->index));
    /* The reader is not the merge's: a shard that is not taken up then has nothing to close. */
    if (!m->begun && from.type != KFS_AT_HORIZON && from.type != KFS_AT_OFFSET) {
        rc = kfs_reader_open(m->stream, shard->index, &reader, err);
        if (rc == 0)
            rc = kfs_locate(reader, &from, &offset, err);
        if (rc == 0)
            rc = kfs_gauge_ordinal(reader, offset, &record, err);
        kfs_reader_close(reader);
    }
    if (rc == 0)
        rc = kfs_shard_extent(m->stream, shard->index, &extent, err);
    if (rc != 0)
        return rc;
    shard->base = from.type == KFS_AT_OFFSET ? from.offset : larger(offset, extent.start);
    shard->base_record = offset > extent.start ? record : extent.first_record;
    shard->end = shard->base;
    shard->end_record = shard->base_record;
    return 0;
}

/* Whether a shard's records are to wait: it appeared while the merge was followed, and of its parents there may be
 * records that a remote source has not brought yet. */
static bool waits_for_parents(const struct kfs_merge *m, const struct merge_shard *shard)
{
    bool waits = false;

    for (size_t i = 0; i < 2; i++)
        waits |= shard->parents[i] != NO_SLOT && !m->shards[shard->parents[i]].complete;
    return waits && m->begun && shard->end == shard->base;
}

/* Notes that a shard goes as far as an extent says. */
static void see(const struct kfs_merge *m, struct merge_shard *shard, const struct kfs_extent *extent)
{
    if (extent->end > shard->end) {
        shard->seen_end = extent->end;
        shard->seen_record = extent->next_record;
    }
    for (size_t i = 0; i < 2; i++) {
        if (shard->parents[i] != NO_SLOT)
            shard->seen_floor_ms = larger(shard->seen_floor_ms, m->shards[shard->parents[i]].seen_ms);
    }
    shard->seen_ms = larger(shard->seen_ms, shard->seen_floor_ms);
    if (shard->seen_end > shard->base)
        shard->seen_ms = larger(shard->seen_ms, extent->last_arrival_ms);
}

/* Sees how far a shard goes now. */
static int look_at(struct kfs_merge *m, uint32_t slot, struct kfs_error *err)
{
    struct merge_shard *shard = &m->shards[slot];
    bool is_new = slot >= m->n;
    struct kfs_extent extent = {0};
    int rc = 0;

    if (is_new)
        rc = begin_shard(m, shard, err);
    if (rc == 0 && !shard->gone)
        rc = kfs_shard_extent(m->stream, shard->index, &extent, err);
    shard->seen_end = shard->end;
    shard->seen_record = shard->end_record;
    shard->seen_bytes = 0;
    shard->seen_ms = shard->last_ms;
    shard->seen_floor_ms = shard->floor_ms;
    if (rc == -ENOENT && !(is_new && m->only != KFS_NO_SHARD) && merge_explain(m, slot, rc, NULL) == -ESTALE) {
        /* It expired. What it had stays counted. */
        shard->gone = true;
        shard->complete = true;
        rc = 0;
    }
    if (rc != 0 || shard->gone)
        return rc;
    bool waits = waits_for_parents(m, shard);
    shard->aggregates_from = extent.aggregates_from;
    shard->complete = extent.closed && !waits;
    if (!waits)
        see(m, shard, &extent);
    return 0;
}

/* Looks at all shards, and takes up those that are new. Unless it fails, each has what was seen. */
static int look(struct kfs_merge *m, struct kfs_error *err)
{
    size_t n = 0;
    int rc = m->only == KFS_NO_SHARD ? look_for_shards(m, &n, err) : look_for_shard(m, &n, err);

    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = look_at(m, (uint32_t)i, err);
    if (rc != 0)
        return rc;
    m->n = n;
    m->begun = true;
    return 0;
}

/* ---- extending ---- */

/* Goes over what retention has removed behind `between->at`: the same bytes as in the default view. */
static int pass_removed(struct kfs_merge *m, uint32_t slot, struct kfs_measure *between, struct kfs_error *err)
{
    struct kfs_extent extent;
    int rc = kfs_shard_extent(m->stream, m->shards[slot].index, &extent, err);

    if (rc == 0 && extent.start > between->at)
        between->at = extent.start < between->to ? extent.start : between->to;
    return rc == 0 ? 0 : merge_explain(m, slot, rc, err);
}

/* Measures what was seen of a shard; where that fails, the shard is seen only as far as it went. */
static int measure(struct kfs_merge *m, uint32_t slot, struct kfs_error *err)
{
    struct merge_shard *shard = &m->shards[slot];
    struct kfs_measure between = {.at = shard->end, .to = shard->seen_end};
    uint64_t records = shard->seen_record - shard->end_record;
    size_t frame = kfs_decoder_frame(&m->decoder);
    uint64_t gap = 0;

    if (frame != KFS_FRAME_VARIES &&
        (shard->seen_end <= shard->aggregates_from || !kfs_decoder_takes_apart(&m->decoder))) {
        shard->seen_bytes = shard->seen_end - shard->end - records + records * frame;
        return 0;
    }
    if (between.at == between.to)
        return 0;
    int rc = merge_measure(m, slot, &between, err);
    /* What lies before the horizon may be there for long, and is then read as it is. */
    if (rc == -ESTALE && between.at == shard->end) {
        rc = pass_removed(m, slot, &between, err);
        gap = between.at - shard->end;
        if (rc == 0)
            rc = merge_measure(m, slot, &between, err);
    }
    if (rc != 0)
        shard->seen_end = between.at;
    shard->seen_bytes = gap + between.bytes;
    return rc;
}

/* The part of each shard that was seen and not yet there. */
static int collect(const struct kfs_merge *m, struct merge_extension *x, uint64_t *bytes)
{
    size_t grown = 0;

    for (size_t i = 0; i < m->n; i++)
        grown += m->shards[i].seen_end > m->shards[i].end;
    if (grown == 0)
        return 0;
    x->entries = malloc(grown * sizeof *x->entries);
    if (x->entries == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < m->n; i++) {
        const struct merge_shard *shard = &m->shards[i];
        if (shard->seen_end == shard->end)
            continue;
        x->entries[x->n++] = (struct merge_entry){
            .slot = (uint32_t)i, .end = shard->seen_end, .bytes = shard->seen_bytes, .floor_ms = shard->seen_floor_ms};
        x->last_ms = larger(x->last_ms, shard->seen_ms);
        *bytes += shard->seen_bytes;
    }
    return 0;
}

/* Makes an extension of what was seen. 1, 0 where that is nothing, -ENOMEM. */
static int take_seen(struct kfs_merge *m, struct kfs_error *err)
{
    struct merge_history *h = &m->history;
    struct merge_extension x = {.start = h->end};
    uint64_t bytes = 0;
    int rc = collect(m, &x, &bytes);

    /* What adds no byte (empty records in `raw`) waits for what does: an extension has a place. */
    if (rc == 0 && bytes > 0)
        rc = merge_history_add(h, &x);
    if (rc != 0 || bytes == 0)
        free(x.entries);
    if (rc != 0)
        return kfs_fail(err, -rc, "no memory for what was appended to a stream");
    if (bytes == 0)
        return 0;
    for (size_t i = 0; i < m->n; i++) {
        struct merge_shard *shard = &m->shards[i];
        shard->end = shard->seen_end;
        shard->end_record = shard->seen_record;
        shard->last_ms = shard->seen_ms;
        shard->floor_ms = shard->seen_floor_ms;
    }
    h->end += bytes;
    return 1;
}

int merge_extend(struct kfs_merge *m, struct kfs_error *err)
{
    int failure = 0;
    int rc = look(m, err);

    for (size_t i = 0; rc == 0 && i < m->n; i++) {
        int failed = measure(m, (uint32_t)i, failure == 0 ? err : NULL);
        if (failure == 0)
            failure = failed;
    }
    if (rc == 0)
        rc = take_seen(m, err);
    return rc == 0 ? failure : rc;
}

/* ---- beginning ---- */

/* Passes the first `skip` records, and has the merge begin behind them. What cannot be read stays. */
static int begin_behind(struct kfs_merge *m, uint64_t skip)
{
    struct merge_cursor *c = &m->cursors[0];
    uint64_t *next = malloc(m->n * sizeof *next);
    int rc = next == NULL ? -ENOMEM : 0;

    if (rc == 0) {
        merge_history_start(&m->history, 0, m->shards, m->n, next);
        rc = merge_cursor_place(m, c, 0, 0, next);
    }
    free(next);
    for (; rc == 0 && skip > 0; skip--) {
        const struct kfs_record *record;
        size_t size;
        uint32_t shard;
        if (merge_cursor_peek(m, c, &record, &shard, NULL) <= 0)
            break;
        rc = kfs_decoder_size(&m->decoder, record, &size);
        if (rc != 0)
            break;
        m->shards[c->heap[0]].base_record++;
        merge_cursor_take(m, c, 1, size);
    }
    for (size_t i = 0; rc == 0 && i < m->n; i++) {
        struct merge_shard *shard = &m->shards[i];
        shard->base = c->slots[i].next;
        shard->end = shard->base;
        shard->end_record = shard->base_record;
        shard->last_ms = 0;
        shard->floor_ms = 0;
    }
    merge_cursor_release(m, c);
    merge_cursor_init(c, &m->decoder);
    if (rc == 0)
        merge_history_release(&m->history);
    return rc;
}

int merge_begin(struct kfs_merge *m, struct kfs_error *err)
{
    const bool counts = m->places == NULL && m->from.type == KFS_LAST_RECORDS && m->only == KFS_NO_SHARD;
    uint64_t records = 0;

    /* Each shard begins with as many as all of them together may have. */
    if (counts && look(m, NULL) == 0) {
        merge_begin_late(m, m->from.count);
        m->begun = false; /* the next look is the first that counts */
    }
    int rc = merge_extend(m, err);
    /* A record that cannot be read is told to who reads it. */
    if (rc < 0 && !m->begun)
        return rc;
    if (rc <= 0 || !counts)
        return 0;
    for (size_t i = 0; i < m->n; i++)
        records += m->shards[i].end_record - m->shards[i].base_record;
    if (records <= m->from.count)
        return 0;
    rc = begin_behind(m, records - m->from.count);
    if (rc != 0)
        return kfs_fail(err, -rc, "no memory for the shards of a stream");
    (void)merge_extend(m, NULL);
    return 0;
}
