/* The past of a merge: its extensions, and checkpoints inside them. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/merge_internal.h"

#define ENTRIES_MAX ((size_t)128 << 10) /* 4 MiB */
#define INTERVAL_MIN ((uint64_t)1 << 20)
#define INTERVAL_PER_SHARD ((uint64_t)4 << 10)
#define FIRST_CAP 8
#define EXTENSIONS_MIN ((size_t)16) /* not joined for their entries */

void merge_history_release(struct merge_history *h)
{
    for (size_t i = 0; i < h->n; i++)
        free(h->extensions[i].entries);
    for (size_t i = 0; i < h->checkpoint_n; i++)
        free(h->checkpoints[i].next);
    free(h->extensions);
    free(h->checkpoints);
    *h = (struct merge_history){0};
}

/* ---- joining ---- */

/* The entries of b after those of a; NULL where memory is short. */
static struct merge_entry *join_entries(const struct merge_extension *a, const struct merge_extension *b, size_t *n)
{
    struct merge_entry *joined = malloc((a->n + b->n) * sizeof *joined);
    size_t i = 0;
    size_t j = 0;

    *n = 0;
    while (joined != NULL && (i < a->n || j < b->n)) {
        if (j == b->n || (i < a->n && a->entries[i].slot < b->entries[j].slot)) {
            joined[(*n)++] = a->entries[i++];
            continue;
        }
        joined[*n] = b->entries[j];
        if (i < a->n && a->entries[i].slot == b->entries[j].slot)
            joined[*n].bytes += a->entries[i++].bytes;
        (*n)++;
        j++;
    }
    return joined;
}

/* The states between the ends of a joined extension were those of another order. */
static void forget_between(struct merge_history *h, uint64_t from, uint64_t to)
{
    size_t kept = 0;

    for (size_t i = 0; i < h->checkpoint_n; i++) {
        struct merge_checkpoint *c = &h->checkpoints[i];
        if (c->at > from && c->at < to) {
            h->checkpoint_bytes -= sizeof *c + c->n * sizeof *c->next;
            free(c->next);
        } else {
            h->checkpoints[kept++] = *c;
        }
    }
    h->checkpoint_n = kept;
}

/* Joins extension i and the next into `to`; false where memory is short. */
static bool join(struct merge_history *h, size_t i, struct merge_extension *to)
{
    struct merge_extension a = h->extensions[i];
    struct merge_extension b = h->extensions[i + 1];
    struct merge_extension joined = {.start = a.start, .serial = b.serial};

    joined.last_ms = a.last_ms > b.last_ms ? a.last_ms : b.last_ms;
    joined.entries = join_entries(&a, &b, &joined.n);
    if (joined.entries == NULL)
        return false;
    forget_between(h, a.start, h->extensions[i + 2].start);
    h->entries -= a.n + b.n - joined.n;
    free(a.entries);
    free(b.entries);
    *to = joined;
    return true;
}

/* Joins pairs in the older half that are at most `limit` virtual bytes long. */
static void join_pairs(struct merge_history *h, uint64_t limit)
{
    size_t half = h->n / 2;
    size_t kept = 0;
    size_t i = 0;

    while (i < h->n) {
        bool joined = i + 2 <= half && h->extensions[i + 2].start - h->extensions[i].start <= limit &&
                      join(h, i, &h->extensions[kept]);
        if (!joined)
            h->extensions[kept] = h->extensions[i];
        kept++;
        i += joined ? 2 : 1;
    }
    h->n = kept;
}

static bool too_many(const struct merge_history *h)
{
    return h->n > KFS_MERGE_EXTENSIONS_MAX || (h->entries > ENTRIES_MAX && h->n > EXTENSIONS_MIN);
}

/* Long ones last: their checkpoints are worth more than their ends. */
static void shorten(struct merge_history *h)
{
    uint64_t limit = INTERVAL_MIN / 16;

    /* Some at once, so that it is not done for each extension. */
    size_t wanted = h->n - h->n / 8;
    for (int i = 0; i < 64 && (h->n > wanted || too_many(h)); i++) {
        join_pairs(h, limit);
        limit = limit > UINT64_MAX / 2 ? UINT64_MAX : limit * 2;
    }
}

/* ---- extensions ---- */

int merge_history_add(struct merge_history *h, const struct merge_extension *extension)
{
    assert(extension->n > 0 && extension->start == h->end);
    if (h->n == h->cap) {
        size_t cap = h->cap == 0 ? FIRST_CAP : h->cap * 2;
        struct merge_extension *grown = realloc(h->extensions, cap * sizeof *grown);
        if (grown == NULL)
            return -ENOMEM;
        h->extensions = grown;
        h->cap = cap;
    }
    h->extensions[h->n] = *extension;
    h->extensions[h->n++].serial = ++h->serials;
    h->entries += extension->n;
    if (too_many(h))
        shorten(h);
    return 0;
}

size_t merge_history_find(const struct merge_history *h, uint64_t offset)
{
    size_t low = 0;
    size_t high = h->n;

    assert(h->n > 0);
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (h->extensions[middle].start <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void merge_history_start(const struct merge_history *h, size_t extension, const struct merge_shard *shards, size_t n,
                         uint64_t *next)
{
    for (size_t i = 0; i < n; i++)
        next[i] = shards[i].base;
    for (size_t e = 0; e < extension; e++) {
        const struct merge_extension *x = &h->extensions[e];
        for (size_t i = 0; i < x->n; i++)
            next[x->entries[i].slot] = x->entries[i].end;
    }
}

/* ---- checkpoints ---- */

uint64_t merge_history_interval(const struct merge_history *h, size_t shards)
{
    uint64_t interval = INTERVAL_PER_SHARD * shards;

    return (interval > INTERVAL_MIN ? interval : INTERVAL_MIN) << h->thinned;
}

/* How many checkpoints are at `at` or before. */
static size_t upto(const struct merge_history *h, uint64_t at)
{
    size_t low = 0;
    size_t high = h->checkpoint_n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (h->checkpoints[middle].at <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct merge_checkpoint *merge_history_checkpoint(const struct merge_history *h, uint64_t from, uint64_t to)
{
    size_t i = upto(h, to);

    return i > 0 && h->checkpoints[i - 1].at >= from ? &h->checkpoints[i - 1] : NULL;
}

bool merge_history_wants(const struct merge_history *h, uint64_t at, size_t shards, uint64_t *again)
{
    uint64_t interval = merge_history_interval(h, shards);
    uint64_t before = h->extensions[merge_history_find(h, at)].start;
    size_t i = upto(h, at);

    if (i > 0 && h->checkpoints[i - 1].at > before)
        before = h->checkpoints[i - 1].at;
    *again = before + interval;
    if (at - before < interval)
        return false;
    if (i < h->checkpoint_n && h->checkpoints[i].at - at < interval / 2) {
        *again = h->checkpoints[i].at + interval;
        return false;
    }
    *again = at + interval;
    return true;
}

/* Drops every other checkpoint, until a quarter of the memory is free. */
static void thin(struct merge_history *h)
{
    while (h->checkpoint_bytes > KFS_MERGE_CHECKPOINT_BYTES / 4 * 3 && h->checkpoint_n > 1) {
        size_t kept = 0;
        for (size_t i = 0; i < h->checkpoint_n; i++) {
            struct merge_checkpoint *c = &h->checkpoints[i];
            if (i % 2 == 0) {
                h->checkpoint_bytes -= sizeof *c + c->n * sizeof *c->next;
                free(c->next);
            } else {
                h->checkpoints[kept++] = *c;
            }
        }
        h->checkpoint_n = kept;
        if (h->thinned < 32)
            h->thinned++;
    }
}

void merge_history_keep(struct merge_history *h, uint64_t at, uint64_t *next, size_t n)
{
    size_t i = upto(h, at);

    if (h->checkpoint_n == h->checkpoint_cap) {
        size_t cap = h->checkpoint_cap == 0 ? FIRST_CAP : h->checkpoint_cap * 2;
        struct merge_checkpoint *grown = realloc(h->checkpoints, cap * sizeof *grown);
        if (grown == NULL) {
            free(next);
            return;
        }
        h->checkpoints = grown;
        h->checkpoint_cap = cap;
    }
    memmove(&h->checkpoints[i + 1], &h->checkpoints[i], (h->checkpoint_n - i) * sizeof *h->checkpoints);
    h->checkpoints[i] = (struct merge_checkpoint){.at = at, .n = n, .next = next};
    h->checkpoint_n++;
    h->checkpoint_bytes += sizeof *h->checkpoints + n * sizeof *next;
    if (h->checkpoint_bytes > KFS_MERGE_CHECKPOINT_BYTES)
        thin(h);
}
