#include "fs/gauge.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 8
#define READ_RECORDS 4096
#define READ_BYTES ((size_t)1 << 20)

struct kfs_gauge {
    char stream[KFS_STREAM_NAME_MAX + 1];
    uint64_t generation;
    uint32_t shard;
    const struct kfs_framing *framing;
    struct kfs_coding coding;

    /* The table's lock. */
    size_t users;
    struct kfs_gauge *next; /* in its bucket */
    struct kfs_gauge *newer;
    struct kfs_gauge *older;

    pthread_mutex_t lock; /* of what follows */
    struct kfs_stretch *stretches;
    size_t n;
    size_t cap;
    uint64_t step; /* a stretch that is as long does not grow */
    bool loaded;   /* or there was no note to be had */
    struct kfs_gauge_end end;

    _Atomic uint64_t unsaved; /* how much was measured since it was saved, of the default view */
};

/* ---- stretches ---- */

/* How many stretches begin at `at` or before. */
static size_t upto(const struct kfs_gauge *g, uint64_t at)
{
    size_t low = 0;
    size_t high = g->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (g->stretches[middle].first <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Forgets what retention has removed, then joins neighbours, then forgets the oldest. */
static void thin(struct kfs_gauge *g, uint64_t horizon)
{
    size_t kept = 0;

    for (size_t i = 0; i < g->n; i++) {
        if (g->stretches[i].upto > horizon)
            g->stretches[kept++] = g->stretches[i];
    }
    g->n = kept;
    if (g->n <= KFS_GAUGE_STRETCHES_MAX / 4 * 3)
        return;
    g->step *= 2;
    kept = 0;
    for (size_t i = 0; i < g->n; i++) {
        struct kfs_stretch *last = kept > 0 ? &g->stretches[kept - 1] : NULL;
        const struct kfs_stretch *s = &g->stretches[i];
        if (last != NULL && last->upto == s->first && s->upto - last->first <= g->step + g->step / 2) {
            last->upto = s->upto;
            last->bytes += s->bytes;
        } else {
            g->stretches[kept++] = *s;
        }
    }
    g->n = kept;
    if (g->n > KFS_GAUGE_STRETCHES_MAX / 8 * 7) {
        g->n -= KFS_GAUGE_STRETCHES_MAX / 4;
        memmove(g->stretches, g->stretches + KFS_GAUGE_STRETCHES_MAX / 4, g->n * sizeof *g->stretches);
    }
}

/* Makes an empty stretch at an offset that lies in none; NULL where memory is short. */
static struct kfs_stretch *begin_stretch(struct kfs_gauge *g, uint64_t at, uint64_t horizon)
{
    if (g->n == KFS_GAUGE_STRETCHES_MAX)
        thin(g, horizon);
    if (g->n == g->cap) {
        size_t cap = g->cap == 0 ? FIRST_CAP : g->cap * 2;
        struct kfs_stretch *grown = realloc(g->stretches, cap * sizeof *grown);
        if (grown == NULL)
            return NULL;
        g->stretches = grown;
        g->cap = cap;
    }
    size_t i = upto(g, at);
    memmove(&g->stretches[i + 1], &g->stretches[i], (g->n - i) * sizeof *g->stretches);
    g->stretches[i] = (struct kfs_stretch){at, at, 0};
    g->n++;
    return &g->stretches[i];
}

/* ---- measuring ---- */

/* What is measured, and by what. */
struct source {
    struct kfs_reader *reader;
    struct kfs_decoder *decoder;
    struct kfs_batch batch;   /* its memory serves all reads of a call */
    struct kfs_gauge_end end; /* the last record that was */
};

/* Reads records from m->at on until one ends at `limit` or later, or at m->to. */
static int read_on(struct source *from, struct kfs_measure *m, uint64_t limit, struct kfs_error *err)
{
    struct kfs_limit at_once = {.records = READ_RECORDS};
    struct kfs_batch *batch = &from->batch;
    int rc = 0;

    if (limit > m->to)
        limit = m->to;
    while (rc == 0 && m->at < limit) {
        at_once.bytes = limit - m->at < READ_BYTES ? (size_t)(limit - m->at) : READ_BYTES;
        rc = kfs_read(from->reader, m->at, &at_once, batch, err);
        if (rc == 0 && (batch->n == 0 || batch->records[0].offset != m->at))
            rc = kfs_fail(err, EIO, "no record begins where the one before it ended");
        for (size_t i = 0; rc == 0 && i < batch->n && m->at < limit; i++) {
            size_t size = 0;
            rc = kfs_decoder_size(from->decoder, &batch->records[i], &size);
            if (rc != 0) {
                (void)kfs_fail(err, -rc, "no memory to measure a record");
                break;
            }
            from->end = (struct kfs_gauge_end){batch->records[i].seq, m->at, size};
            m->bytes += size;
            m->at += batch->records[i].data.len + 1;
        }
    }
    return rc;
}

/* From a place inside a stretch to its end or m->to. */
static int read_inside(struct source *from, struct kfs_stretch *s, struct kfs_measure *m, struct kfs_error *err)
{
    const struct kfs_measure before = *m;
    struct kfs_measure head = {.at = s->first, .to = m->at};
    struct kfs_extent extent;
    int rc;

    /* The shorter part says how long the other is. */
    if (m->to >= s->upto && m->at - s->first < s->upto - m->at && read_on(from, &head, head.to, NULL) == 0) {
        m->bytes += s->bytes - head.bytes;
        m->at = s->upto;
        return 0;
    }
    rc = read_on(from, m, s->upto, err);
    /* Where retention has come into the stretch, what is left of it is asked for from now on. */
    if (rc == 0 && m->at == s->upto &&
        kfs_shard_extent(from->reader->stream, from->reader->shard, &extent, NULL) == 0 && s->first < extent.start &&
        before.at >= extent.start) {
        s->first = before.at;
        s->bytes = m->bytes - before.bytes;
    }
    return rc;
}

/* From a place that lies in no stretch to the next one, to where this one is long enough, or to m->to. */
static int read_outside(struct kfs_gauge *g, struct source *from, size_t before, struct kfs_measure *m,
                        struct kfs_error *err)
{
    const struct kfs_measure was = *m;
    struct kfs_stretch *s = before > 0 ? &g->stretches[before - 1] : NULL;
    struct kfs_extent extent = {0};

    if (s == NULL || s->upto != m->at || s->upto - s->first >= g->step) {
        (void)kfs_shard_extent(from->reader->stream, from->reader->shard, &extent, NULL);
        s = begin_stretch(g, m->at, extent.start);
        if (s == NULL)
            return kfs_fail(err, ENOMEM, "no memory to measure a shard");
    }
    uint64_t limit = s->first + g->step;
    if (s + 1 < g->stretches + g->n && s[1].first < limit)
        limit = s[1].first;
    int rc = read_on(from, m, limit, err);
    s->upto = m->at;
    s->bytes += m->bytes - was.bytes;
    if (m->at > was.at && s + 1 == g->stretches + g->n)
        g->end = from->end;
    atomic_fetch_add(&g->unsaved, m->at - was.at);
    if (s->upto == s->first) { /* nothing came */
        size_t i = (size_t)(s - g->stretches);
        memmove(s, s + 1, (g->n - i - 1) * sizeof *s);
        g->n--;
    }
    return rc;
}

/* ---- the note ---- */

/* Whether the shard is the one that the note was made of: the last record stands where it stood. */
static bool is_of_shard(const struct source *from, const struct kfs_gauge_note *note)
{
    const struct kfs_limit one = {.records = 1, .bytes = 1};
    struct kfs_extent extent;
    struct kfs_batch batch;
    size_t size = 0;

    if (kfs_shard_extent(from->reader->stream, from->reader->shard, &extent, NULL) != 0 ||
        note->end.offset < extent.start || note->end.offset >= extent.end)
        return false;
    kfs_batch_init(&batch);
    bool is = kfs_read(from->reader, note->end.offset, &one, &batch, NULL) == 0 && batch.n == 1 &&
              batch.records[0].offset == note->end.offset && batch.next == note->stretches[note->n - 1].upto &&
              kfs_seq_cmp(&batch.records[0].seq, &note->end.seq) == 0 &&
              kfs_decoder_size(from->decoder, &batch.records[0], &size) == 0 && size == note->end.size;
    kfs_batch_release(&batch);
    return is;
}

/* Takes what the note says, where it is right. */
static void load(struct kfs_gauge *g, const struct source *from)
{
    struct kfs_stream *stream = from->reader->stream;
    struct kfs_gauge_note *note = malloc(sizeof *note);
    char name[KFS_NOTE_NAME_MAX + 1];
    struct kfs_buf text;

    kfs_buf_init(&text, KFS_NOTE_BYTES_MAX);
    kfs_gauge_note_name(g->framing, g->coding, g->shard, name);
    if (note == NULL || kfs_note_get(stream->backend, stream, name, &text, NULL) != 0 ||
        !kfs_gauge_note_parse((struct kfs_bytes){text.data, text.len}, note) || !is_of_shard(from, note))
        goto out;
    g->stretches = malloc(note->n * sizeof *g->stretches);
    if (g->stretches == NULL)
        goto out;
    memcpy(g->stretches, note->stretches, note->n * sizeof *g->stretches);
    g->n = note->n;
    g->cap = note->n;
    g->end = note->end;
    for (size_t i = 0; i < g->n; i++) {
        while (g->stretches[i].upto - g->stretches[i].first > g->step + g->step / 2)
            g->step *= 2;
    }
out:
    kfs_buf_release(&text);
    free(note);
}

bool kfs_gauge_due(struct kfs_gauge *g)
{
    return atomic_load(&g->unsaved) >= KFS_GAUGE_SAVE_BYTES;
}

/* The first note whose shard is gone. */
struct stale {
    struct kfs_shard_info *shards; /* that there are, by index */
    size_t n;
    char name[KFS_NOTE_NAME_MAX + 1];
};

static int by_index(const void *a, const void *b)
{
    const struct kfs_shard_info *left = a;
    const struct kfs_shard_info *right = b;

    return (left->index > right->index) - (left->index < right->index);
}

static int visit_note(void *arg, const char *name)
{
    struct stale *stale = arg;
    struct kfs_shard_info wanted;

    if (!kfs_gauge_note_shard(name, &wanted.index) ||
        bsearch(&wanted, stale->shards, stale->n, sizeof wanted, by_index) != NULL)
        return 0;
    (void)snprintf(stale->name, sizeof stale->name, "%s", name);
    return 1;
}

static void remove_stale(struct kfs_stream *stream)
{
    struct stale stale = {.n = 0};

    if (kfs_shard_list(stream, &stale.shards, &stale.n, NULL) != 0)
        return;
    if (kfs_note_list(stream->backend, stream, visit_note, &stale, NULL) == 1)
        (void)kfs_note_set(stream->backend, stream, stale.name, (struct kfs_bytes){NULL, 0}, NULL);
    free(stale.shards);
}

void kfs_gauge_save(struct kfs_gauge *g, struct kfs_stream *stream)
{
    char name[KFS_NOTE_NAME_MAX + 1];
    struct kfs_buf text;
    int rc = -ENODATA;

    kfs_buf_init(&text, KFS_NOTE_BYTES_MAX);
    kfs_gauge_note_name(g->framing, g->coding, g->shard, name);
    (void)pthread_mutex_lock(&g->lock);
    if (kfs_gauge_due(g) && g->n > 0 && g->end.offset < g->stretches[g->n - 1].upto)
        rc = kfs_gauge_note_print(&g->end, g->stretches, g->n, &text);
    atomic_store(&g->unsaved, 0);
    (void)pthread_mutex_unlock(&g->lock);
    /* What is not saved is measured again. */
    if (rc == 0)
        rc = kfs_note_set(stream->backend, stream, name, (struct kfs_bytes){text.data, text.len}, NULL);
    if (rc == 0)
        remove_stale(stream);
    kfs_buf_release(&text);
}

/* ---- measuring, with what is known ---- */

int kfs_gauge_measure(struct kfs_gauge *g, struct kfs_decoder *decoder, struct kfs_reader *reader,
                      struct kfs_measure *m, struct kfs_error *err)
{
    struct source from = {.reader = reader, .decoder = decoder};
    int rc = 0;

    assert(m->at <= m->to);
    m->bytes = 0;
    kfs_batch_init(&from.batch);
    (void)pthread_mutex_lock(&g->lock);
    if (!g->loaded)
        load(g, &from);
    g->loaded = true;
    while (rc == 0 && m->at < m->to) {
        size_t before = upto(g, m->at);
        struct kfs_stretch *s = before > 0 ? &g->stretches[before - 1] : NULL;
        if (s != NULL && s->first == m->at && s->upto <= m->to) {
            m->bytes += s->bytes;
            m->at = s->upto;
        } else if (s != NULL && m->at < s->upto) {
            rc = read_inside(&from, s, m, err);
        } else {
            rc = read_outside(g, &from, before, m, err);
        }
    }
    (void)pthread_mutex_unlock(&g->lock);
    kfs_batch_release(&from.batch);
    return rc;
}

int kfs_gauge_ordinal(struct kfs_reader *reader, uint64_t offset, uint64_t *ordinal, struct kfs_error *err)
{
    const struct kfs_limit one = {.records = 1, .bytes = 1};
    struct kfs_extent extent;
    struct kfs_batch batch;
    int rc = kfs_shard_extent(reader->stream, reader->shard, &extent, err);

    if (rc != 0)
        return rc;
    if (offset == extent.start || offset == extent.end) {
        *ordinal = offset == extent.end ? extent.next_record : extent.first_record;
        return 0;
    }
    kfs_batch_init(&batch);
    rc = kfs_read(reader, offset, &one, &batch, err);
    if (rc == 0 && (batch.n == 0 || batch.records[0].offset != offset))
        rc = kfs_fail(err, EIO, "no record begins where the one before it ended");
    if (rc == 0)
        *ordinal = batch.records[0].ordinal;
    kfs_batch_release(&batch);
    return rc;
}

/* ---- the table ---- */

void kfs_gauges_init(struct kfs_gauges *gauges)
{
    *gauges = (struct kfs_gauges){.idle = 0};
    (void)pthread_mutex_init(&gauges->lock, NULL);
}

static struct kfs_gauge **bucket(struct kfs_gauges *gauges, const char *stream, uint32_t shard)
{
    size_t hash = shard;

    for (; *stream != '\0'; stream++)
        hash = hash * 31 + (unsigned char)*stream;
    return &gauges->buckets[hash % KFS_GAUGE_BUCKETS];
}

static void unlink_idle(struct kfs_gauges *gauges, struct kfs_gauge *g)
{
    *(g->older != NULL ? &g->older->newer : &gauges->oldest) = g->newer;
    *(g->newer != NULL ? &g->newer->older : &gauges->newest) = g->older;
    gauges->idle--;
}

/* Of one that is not in the list of idle ones. */
static void free_gauge(struct kfs_gauges *gauges, struct kfs_gauge *g)
{
    struct kfs_gauge **at = bucket(gauges, g->stream, g->shard);

    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    free(g->stretches);
    (void)pthread_mutex_destroy(&g->lock);
    free(g);
}

static void free_oldest(struct kfs_gauges *gauges)
{
    struct kfs_gauge *g = gauges->oldest;

    unlink_idle(gauges, g);
    free_gauge(gauges, g);
}

void kfs_gauges_release(struct kfs_gauges *gauges)
{
    while (gauges->oldest != NULL)
        free_oldest(gauges);
    (void)pthread_mutex_destroy(&gauges->lock);
}

static struct kfs_gauge *new_gauge(const struct kfs_stream_info *info, uint32_t shard,
                                   const struct kfs_decoder *decoder)
{
    struct kfs_gauge *g = calloc(1, sizeof *g);

    if (g == NULL)
        return NULL;
    (void)snprintf(g->stream, sizeof g->stream, "%s", info->name);
    g->generation = info->generation;
    g->shard = shard;
    g->framing = decoder->framing;
    g->coding = decoder->coding;
    g->step = KFS_GAUGE_STEP;
    (void)pthread_mutex_init(&g->lock, NULL);
    return g;
}

static bool measures(const struct kfs_gauge *g, const struct kfs_decoder *decoder)
{
    return g->framing == decoder->framing && g->coding.compression == decoder->coding.compression &&
           g->coding.aggregates == decoder->coding.aggregates;
}

int kfs_gauge_get(struct kfs_gauges *gauges, const struct kfs_stream_info *info, uint32_t shard,
                  const struct kfs_decoder *decoder, struct kfs_gauge **gauge)
{
    (void)pthread_mutex_lock(&gauges->lock);
    struct kfs_gauge **head = bucket(gauges, info->name, shard);
    struct kfs_gauge *g = *head;
    while (g != NULL && (g->shard != shard || !measures(g, decoder) || g->generation != info->generation ||
                         strcmp(g->stream, info->name) != 0))
        g = g->next;
    if (g != NULL && g->users++ == 0)
        unlink_idle(gauges, g);
    if (g == NULL && (g = new_gauge(info, shard, decoder)) != NULL) {
        g->users = 1;
        g->next = *head;
        *head = g;
    }
    (void)pthread_mutex_unlock(&gauges->lock);
    *gauge = g;
    return g != NULL ? 0 : -ENOMEM;
}

void kfs_gauge_put(struct kfs_gauges *gauges, struct kfs_gauge *g)
{
    if (g == NULL)
        return;
    (void)pthread_mutex_lock(&gauges->lock);
    if (--g->users == 0) {
        g->newer = NULL;
        g->older = gauges->newest;
        *(gauges->newest != NULL ? &gauges->newest->newer : &gauges->oldest) = g;
        gauges->newest = g;
        if (++gauges->idle > KFS_GAUGES_IDLE_MAX)
            free_oldest(gauges);
    }
    (void)pthread_mutex_unlock(&gauges->lock);
}
