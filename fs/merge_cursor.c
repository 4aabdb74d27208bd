/* A cursor: one place in the merge, with what was read ahead of it. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "fs/merge_internal.h"

#define READ_BYTES_MAX ((size_t)256 << 10)
#define READ_BYTES_MIN ((size_t)1 << 10)
#define READ_RECORDS_MAX 3000
#define READ_RECORDS_MIN 16

/* ---- what is read ahead ---- */

static size_t footprint(const struct kfs_batch *batch)
{
    return sizeof *batch + batch->cap * sizeof *batch->records + batch->storage.cap;
}

static void drop_batch(struct kfs_merge *m, struct merge_slot *slot)
{
    if (slot->batch == NULL)
        return;
    m->prefetched -= footprint(slot->batch);
    kfs_batch_release(slot->batch);
    free(slot->batch);
    slot->batch = NULL;
    slot->at = 0;
}

static void drop_batches(struct kfs_merge *m, struct merge_cursor *c)
{
    for (size_t i = 0; i < c->n; i++)
        drop_batch(m, &c->slots[i]);
}

void merge_forget(struct kfs_merge *m)
{
    for (size_t i = 0; i < KFS_MERGE_CURSORS; i++) {
        drop_batches(m, &m->cursors[i]);
        m->cursors[i].spill.len = 0;
        kfs_buf_release(&m->cursors[i].spill);
    }
    kfs_decoder_trim(&m->decoder);
}

/* Keeps to the limit: what other cursors have read goes first, then what this
 * one needs last, which is near the end of the heap. More than needed goes, so
 * that it is not done at each read. */
static void shed(struct kfs_merge *m, struct merge_cursor *c, uint32_t except)
{
    for (size_t i = 0; i < KFS_MERGE_CURSORS && m->prefetched > KFS_MERGE_PREFETCH_BYTES; i++) {
        if (&m->cursors[i] != c)
            drop_batches(m, &m->cursors[i]);
    }
    if (m->prefetched <= KFS_MERGE_PREFETCH_BYTES)
        return;
    for (size_t i = c->heap_n; i-- > 0 && m->prefetched > KFS_MERGE_PREFETCH_BYTES / 4 * 3;) {
        if (c->heap[i] != except)
            drop_batch(m, &c->slots[c->heap[i]]);
    }
}

int merge_explain(struct kfs_merge *m, uint32_t slot, int rc, struct kfs_error *err)
{
    struct kfs_stream_info info;

    if (rc != -ENOENT || kfs_stream_info(m->stream, &info, NULL) != 0)
        return rc;
    return kfs_fail(err, ESTALE, "retention has removed shard %u of stream %s", m->shards[slot].index, info.name);
}

int merge_reader(struct kfs_merge *m, uint32_t slot, struct kfs_reader **reader, struct kfs_error *err)
{
    struct merge_shard *shard = &m->shards[slot];
    struct kfs_reader *opened;
    int rc;

    if (shard->reader != NULL) {
        *reader = shard->reader;
        return 0;
    }
    rc = kfs_reader_open(m->stream, shard->index, &opened, err);
    if (rc != 0)
        return merge_explain(m, slot, rc, err);
    if (m->open_n == KFS_MERGE_READERS_MAX) {
        struct merge_shard *oldest = &m->shards[m->open_slots[m->open_oldest]];
        kfs_reader_close(oldest->reader);
        oldest->reader = NULL;
        m->open_slots[m->open_oldest] = slot;
        m->open_oldest = (m->open_oldest + 1) % KFS_MERGE_READERS_MAX;
    } else {
        m->open_slots[m->open_n++] = slot;
    }
    shard->reader = opened;
    *reader = opened;
    return 0;
}

/* By the shard's gauge, which reads what no one has measured. */
static int measure_read(struct kfs_merge *m, uint32_t slot, struct kfs_measure *between, struct kfs_error *err)
{
    struct merge_shard *shard = &m->shards[slot];
    struct kfs_reader *reader = NULL;
    int rc = merge_reader(m, slot, &reader, err);

    if (rc == 0 && shard->gauge == NULL) {
        rc = kfs_gauge_get(&m->pool->gauges, &m->info, shard->index, &m->decoder, &shard->gauge);
        if (rc != 0)
            (void)kfs_fail(err, -rc, "no memory to measure a shard");
    }
    if (rc == 0)
        rc = kfs_gauge_measure(shard->gauge, &m->decoder, reader, between, err);
    m->measured |= shard->gauge != NULL && kfs_gauge_due(shard->gauge);
    return rc;
}

/* By the number of records. */
static int measure_counted(struct kfs_merge *m, uint32_t slot, struct kfs_measure *between, struct kfs_error *err)
{
    size_t frame = kfs_decoder_frame(&m->decoder);
    struct kfs_reader *reader = NULL;
    uint64_t first = 0;
    uint64_t last = 0;
    int rc;

    between->bytes = between->to - between->at;
    if (frame == 1 || between->bytes == 0)
        return 0;
    rc = merge_reader(m, slot, &reader, err);
    if (rc == 0)
        rc = kfs_gauge_ordinal(reader, between->at, &first, err);
    if (rc == 0)
        rc = kfs_gauge_ordinal(reader, between->to, &last, err);
    between->bytes = between->bytes - (last - first) + (last - first) * frame;
    return rc;
}

int merge_measure(struct kfs_merge *m, uint32_t slot, struct kfs_measure *between, struct kfs_error *err)
{
    bool varies = kfs_decoder_frame(&m->decoder) == KFS_FRAME_VARIES;
    uint64_t from = kfs_decoder_takes_apart(&m->decoder) ? m->shards[slot].aggregates_from : UINT64_MAX;
    struct kfs_measure counted = *between;
    int rc;

    between->bytes = 0;
    /* Up to `from` no record varies. */
    if (varies || from < between->at)
        from = between->at;
    counted.to = from < between->to ? from : between->to;
    rc = measure_counted(m, slot, &counted, err);
    if (rc == 0) {
        between->at = counted.to;
        if (between->at < between->to)
            rc = measure_read(m, slot, between, err);
        between->bytes += counted.bytes;
    }
    return rc == 0 ? 0 : merge_explain(m, slot, rc, err);
}

/* Reads a slot's next records, of which there is one at least. */
static int fill(struct kfs_merge *m, struct merge_cursor *c, uint32_t place, struct kfs_error *err)
{
    struct merge_slot *slot = &c->slots[place];
    struct kfs_reader *reader = NULL;
    int rc = merge_reader(m, place, &reader, err);

    if (rc != 0)
        return rc;
    if (slot->batch == NULL) {
        slot->batch = malloc(sizeof *slot->batch);
        if (slot->batch == NULL)
            return kfs_fail(err, ENOMEM, "no memory to read a shard");
        kfs_batch_init(slot->batch);
        m->prefetched += footprint(slot->batch);
    }
    m->prefetched -= footprint(slot->batch);
    rc = kfs_read(reader, slot->next, &c->limit, slot->batch, err);
    m->prefetched += footprint(slot->batch);
    slot->at = 0;
    if (rc == 0 && (slot->batch->n == 0 || slot->batch->records[0].offset != slot->next))
        rc = kfs_fail(err, EIO, "shard %u has no record at offset %llu, before its end", m->shards[place].index,
                      (unsigned long long)slot->next);
    if (rc != 0) {
        drop_batch(m, slot);
        return merge_explain(m, place, rc, err);
    }
    if (m->prefetched > KFS_MERGE_PREFETCH_BYTES)
        shed(m, c, place);
    return 0;
}

/* ---- the heap ---- */

static bool before(const struct merge_cursor *c, uint32_t a, uint32_t b)
{
    if (c->slots[a].key != c->slots[b].key)
        return c->slots[a].key < c->slots[b].key;
    return a < b;
}

/* Lets the first of the heap sink to where it belongs. */
static void sink(struct merge_cursor *c)
{
    uint32_t moved = c->heap[0];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < c->heap_n && before(c, c->heap[child + 1], c->heap[child]))
            child++;
        if (child >= c->heap_n || !before(c, c->heap[child], moved))
            break;
        c->heap[i] = c->heap[child];
        i = child;
    }
    c->heap[i] = moved;
}

static void push(struct merge_cursor *c, uint32_t place)
{
    size_t i = c->heap_n++;

    while (i > 0 && before(c, place, c->heap[(i - 1) / 2])) {
        c->heap[i] = c->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    c->heap[i] = place;
}

static void pop(struct merge_cursor *c)
{
    c->heap[0] = c->heap[--c->heap_n];
    if (c->heap_n > 0)
        sink(c);
}

static void set_key(struct merge_slot *slot)
{
    assert(slot->batch != NULL && slot->at < slot->batch->n);

    uint64_t arrival = slot->batch->records[slot->at].arrival_ms;

    slot->key = arrival > slot->floor_ms ? arrival : slot->floor_ms;
}

/* ---- placing ---- */

void merge_cursor_init(struct merge_cursor *c, const struct kfs_decoder *decoder)
{
    *c = (struct merge_cursor){0};
    kfs_buf_init(&c->spill, kfs_decoder_max(decoder));
}

void merge_cursor_release(struct kfs_merge *m, struct merge_cursor *c)
{
    drop_batches(m, c);
    free(c->slots);
    free(c->heap);
    free(c->todo);
    kfs_buf_release(&c->spill);
}

/* Gives the cursor a slot for each shard; new ones stand at their shard's base. */
static int widen(struct kfs_merge *m, struct merge_cursor *c)
{
    struct merge_slot *slots;
    uint32_t *heap;
    uint32_t *todo;

    if (c->n == m->n)
        return 0;
    slots = realloc(c->slots, m->n * sizeof *slots);
    if (slots != NULL)
        c->slots = slots;
    heap = realloc(c->heap, m->n * sizeof *heap);
    if (heap != NULL)
        c->heap = heap;
    todo = realloc(c->todo, m->n * sizeof *todo);
    if (todo != NULL)
        c->todo = todo;
    if (slots == NULL || heap == NULL || todo == NULL)
        return -ENOMEM;
    for (size_t i = c->n; i < m->n; i++)
        slots[i] = (struct merge_slot){.next = m->shards[i].base, .end = m->shards[i].base};
    c->n = m->n;
    return 0;
}

/* Enters an extension with its slots where they are. */
static void enter(struct merge_cursor *c, const struct merge_extension *x)
{
    size_t bytes;
    size_t records;

    c->heap_n = 0;
    c->todo_n = 0;
    c->serial = x->serial;
    /* The last entry first: todo is a stack, and the slots are then read in order. */
    for (size_t i = x->n; i-- > 0;) {
        struct merge_slot *slot = &c->slots[x->entries[i].slot];
        slot->end = x->entries[i].end;
        slot->floor_ms = x->entries[i].floor_ms;
        if (slot->next < slot->end)
            c->todo[c->todo_n++] = x->entries[i].slot;
    }
    if (c->todo_n == 0)
        return;
    bytes = KFS_MERGE_PREFETCH_BYTES / 3 / c->todo_n;
    bytes = bytes < READ_BYTES_MIN ? READ_BYTES_MIN : bytes > READ_BYTES_MAX ? READ_BYTES_MAX : bytes;
    records = bytes / sizeof(struct kfs_record);
    records = records < READ_RECORDS_MIN ? READ_RECORDS_MIN : records > READ_RECORDS_MAX ? READ_RECORDS_MAX : records;
    c->limit = (struct kfs_limit){.records = records, .bytes = bytes};
}

int merge_cursor_place(struct kfs_merge *m, struct merge_cursor *c, size_t extension, uint64_t at, const uint64_t *next)
{
    int rc = widen(m, c);

    if (rc != 0)
        return rc;
    drop_batches(m, c);
    for (size_t i = 0; i < c->n; i++)
        c->slots[i] = (struct merge_slot){.next = next[i], .end = next[i]};
    c->spill.len = 0;
    c->at = at;
    c->look = at;
    c->placed = true;
    enter(c, &m->history.extensions[extension]);
    return 0;
}

/* ---- moving ---- */

/* From the end of an extension into the next; 1, or 0 at the tip. */
static int pass_on(struct kfs_merge *m, struct merge_cursor *c)
{
    const struct merge_history *h = &m->history;
    int rc;

    if (c->at == h->end)
        return 0;
    rc = widen(m, c);
    if (rc != 0)
        return rc;
    enter(c, &h->extensions[merge_history_find(h, c->at)]);
    assert(c->todo_n > 0);
    return 1;
}

int merge_cursor_peek(struct kfs_merge *m, struct merge_cursor *c, const struct kfs_record **record, uint32_t *shard,
                      struct kfs_error *err)
{
    struct merge_slot *slot;

    for (;;) {
        int rc;
        while (c->todo_n > 0) {
            uint32_t place = c->todo[c->todo_n - 1];
            rc = fill(m, c, place, err);
            if (rc != 0)
                return rc;
            c->todo_n--;
            set_key(&c->slots[place]);
            push(c, place);
        }
        if (c->heap_n > 0)
            break;
        rc = pass_on(m, c);
        if (rc < 0)
            return kfs_fail(err, -rc, "no memory for the shards of a stream");
        if (rc == 0)
            return 0;
    }
    slot = &c->slots[c->heap[0]];
    if (slot->batch == NULL) {
        int rc = fill(m, c, c->heap[0], err);
        if (rc != 0)
            return rc;
    }
    assert(slot->batch != NULL && slot->at < slot->batch->n);
    *record = &slot->batch->records[slot->at];
    *shard = m->shards[c->heap[0]].index;
    return 1;
}

/* Remembers the state, now and then. */
static void checkpoint(struct kfs_merge *m, struct merge_cursor *c)
{
    if (c->at < c->look || !merge_history_wants(&m->history, c->at, c->n, &c->look))
        return;

    uint64_t *next = malloc(c->n * sizeof *next);
    if (next == NULL)
        return;
    for (size_t i = 0; i < c->n; i++)
        next[i] = c->slots[i].next;
    merge_history_keep(&m->history, c->at, next, c->n);
}

size_t merge_cursor_run(const struct merge_cursor *c)
{
    const struct merge_slot *slot = &c->slots[c->heap[0]];
    const struct kfs_batch *batch = slot->batch;
    uint32_t other = c->heap[0];
    size_t at = slot->at + 1;

    if (c->heap_n == 1 && batch->records[batch->n - 1].offset < slot->end)
        return batch->n - slot->at;
    if (c->heap_n > 1)
        other = c->heap_n > 2 && before(c, c->heap[2], c->heap[1]) ? c->heap[2] : c->heap[1];
    for (; at < batch->n && batch->records[at].offset < slot->end; at++) {
        uint64_t arrival = batch->records[at].arrival_ms;
        uint64_t key = arrival > slot->floor_ms ? arrival : slot->floor_ms;
        if (c->heap_n > 1 && (key > c->slots[other].key || (key == c->slots[other].key && c->heap[0] > other)))
            break;
    }
    return at - slot->at;
}

void merge_cursor_take(struct kfs_merge *m, struct merge_cursor *c, size_t n, size_t size)
{
    uint32_t place = c->heap[0];
    struct merge_slot *slot = &c->slots[place];
    const struct kfs_record *last = &slot->batch->records[slot->at + n - 1];

    assert(n > 0 && slot->at + n <= slot->batch->n);
    c->taken_slot = place;
    c->taken_offset = last->offset;
    slot->next = last->offset + last->data.len + 1;
    slot->at += n;
    c->at += size;
    if (slot->next >= slot->end) {
        assert(slot->next == slot->end);
        pop(c);
        drop_batch(m, slot);
    } else if (slot->at < slot->batch->n) {
        set_key(slot);
        sink(c);
    } else {
        pop(c);
        c->todo[c->todo_n++] = place;
    }
    checkpoint(m, c);
}

/* ---- records as they are stored ---- */

/* The place of the only slot with records left. */
static uint32_t *alone(struct merge_cursor *c)
{
    if (c->heap_n + c->todo_n != 1)
        return NULL;
    return c->heap_n == 1 ? c->heap : c->todo;
}

void merge_cursor_stored(struct kfs_merge *m, struct merge_cursor *c, struct kfs_stored *stored)
{
    struct kfs_reader *reader = NULL;
    const uint32_t *place;

    stored->n = 0;
    if (c->heap_n + c->todo_n == 0 && pass_on(m, c) <= 0)
        return;
    place = alone(c);
    if (place == NULL || c->slots[*place].batch != NULL || merge_reader(m, *place, &reader, NULL) != 0)
        return;
    const struct merge_slot *slot = &c->slots[*place];
    uint64_t end = slot->end;
    if (kfs_decoder_takes_apart(&m->decoder) && m->shards[*place].aggregates_from < end)
        end = m->shards[*place].aggregates_from;
    if (slot->next >= end)
        return;
    if (kfs_read_stored(reader, slot->next, stored, NULL) != 0)
        stored->n = 0;
    while (stored->n > 0 && slot->next + stored->ends[stored->n - 1] > end)
        stored->n--;
}

void merge_cursor_take_stored(struct kfs_merge *m, struct merge_cursor *c, const struct kfs_stored *stored, size_t i,
                              size_t size)
{
    const uint32_t place = *alone(c);
    struct merge_slot *slot = &c->slots[place];

    assert(i < stored->n);
    c->taken_slot = place;
    c->taken_offset = stored->offset + (i > 0 ? stored->ends[i - 1] : 0);
    slot->next = stored->offset + stored->ends[i];
    c->at += size;
    /* The heap's key is that of a record that was passed. */
    c->heap_n = 0;
    c->todo_n = 0;
    if (slot->next < slot->end)
        c->todo[c->todo_n++] = place;
    checkpoint(m, c);
}
