/* Where a virtual offset lies, found by arrival times instead of by merging.
 *
 * What counts as arrived before a time T is, in each shard, what lies before
 * the first record that arrived at T or later; a shard whose floor is not below
 * T has put out nothing. So the offsets that kfs_locate gives for T are a state
 * of the merge; its virtual offset is the sum of what lies before them. That is
 * known for a whole extension; for a state inside it, what is left in each
 * shard is measured from the state to one behind it, of which it is known.
 * A binary search over T finds the last state that is not behind the offset. */
#include <errno.h>
#include <stdlib.h>

#include "fs/merge_internal.h"

/* One shard that grew in the extension. */
struct span {
    uint64_t start;    /* of the extension in it */
    uint64_t low;      /* its offset in the lower state */
    uint64_t low_left; /* what the extension has behind that, in the view */
    uint64_t high;
    uint64_t high_left;
    uint64_t middle;
    uint64_t middle_left;
    uint64_t horizon;
    uint64_t last_ms;
};

struct search {
    struct kfs_merge *m;
    const struct merge_extension *x;
    struct span *spans; /* as the entries of x */
    uint64_t low_ms;
    uint64_t high_ms;
    uint64_t low_sum; /* virtual bytes since the start of the extension */
    uint64_t high_sum;
    uint64_t middle_sum;
    bool low_sure;
    bool middle_sure;
};

/* Where retention has gone into the extension, the times of what it removed are
 * unknown: they are no later than that of the record at the horizon. Of one shard alone they do not matter. */
static bool sure(const struct search *search, const struct span *s, uint64_t located, uint64_t ms)
{
    return s->horizon <= s->start || located > s->horizon || search->x->n == 1 || ms > s->last_ms;
}

/* Sets middle, which is not outside of low and high, and what is left there. */
static int set_middle(struct search *s, size_t i, uint64_t located, struct kfs_error *err)
{
    struct span *span = &s->spans[i];
    struct kfs_measure between;
    int rc;

    span->middle = located < span->low ? span->low : located > span->high ? span->high : located;
    if (span->middle == span->low || span->middle == span->high) {
        span->middle_left = span->middle == span->high ? span->high_left : span->low_left;
        return 0;
    }
    between = (struct kfs_measure){.at = span->middle, .to = span->high};
    rc = merge_measure(s->m, s->x->entries[i].slot, &between, err);
    span->middle_left = span->high_left + between.bytes;
    return rc;
}

/* Where a time is in a shard. Where retention has removed all that the extension has of it there is nothing to ask. */
static int locate(struct search *s, size_t i, const struct kfs_position *position, uint64_t *located,
                  struct kfs_error *err)
{
    const struct merge_entry *entry = &s->x->entries[i];
    struct kfs_reader *reader;

    if (s->spans[i].horizon >= entry->end) {
        *located = s->spans[i].horizon;
        return 0;
    }
    int rc = merge_reader(s->m, entry->slot, &reader, err);
    if (rc == 0)
        rc = kfs_locate(reader, position, located, err);
    return rc == 0 ? 0 : merge_explain(s->m, entry->slot, rc, err);
}

/* The state at a time, as `middle`. */
static int probe(struct search *s, uint64_t ms, struct kfs_error *err)
{
    const struct kfs_position position = {.type = KFS_AT_TIME, .time_ms = ms};

    s->middle_sum = 0;
    s->middle_sure = true;
    for (size_t i = 0; i < s->x->n; i++) {
        const struct merge_entry *entry = &s->x->entries[i];
        struct span *span = &s->spans[i];
        uint64_t located = span->start;
        int rc = 0;

        if (span->low == span->high && span->horizon <= span->start) {
            located = span->low;
        } else if (ms > entry->floor_ms) {
            rc = locate(s, i, &position, &located, err);
            if (rc != 0)
                return rc;
            s->middle_sure = s->middle_sure && sure(s, span, located, ms);
        }
        rc = set_middle(s, i, located, err);
        if (rc != 0)
            return rc;
        s->middle_sum += entry->bytes - span->middle_left;
    }
    return 0;
}

static void raise_low(struct search *s, uint64_t ms)
{
    for (size_t i = 0; i < s->x->n; i++) {
        s->spans[i].low = s->spans[i].middle;
        s->spans[i].low_left = s->spans[i].middle_left;
    }
    s->low_ms = ms;
    s->low_sum = s->middle_sum;
    s->low_sure = s->middle_sure;
}

static void lower_high(struct search *s, uint64_t ms)
{
    for (size_t i = 0; i < s->x->n; i++) {
        s->spans[i].high = s->spans[i].middle;
        s->spans[i].high_left = s->spans[i].middle_left;
    }
    s->high_ms = ms;
    s->high_sum = s->middle_sum;
}

/* The states before the first and behind the last record. */
static int begin(struct search *s, const uint64_t *start, struct kfs_error *err)
{
    s->low_sure = true;
    s->high_ms = s->x->last_ms + 1;
    for (size_t i = 0; i < s->x->n; i++) {
        const struct merge_entry *entry = &s->x->entries[i];
        struct span *span = &s->spans[i];
        struct kfs_extent extent;
        const struct merge_shard *shard = &s->m->shards[entry->slot];
        int rc = kfs_shard_extent(s->m->stream, shard->index, &extent, err);

        if (rc != 0 && merge_explain(s->m, entry->slot, rc, NULL) != -ESTALE)
            return rc;
        if (rc != 0) /* it has expired: all that it had is removed */
            extent = (struct kfs_extent){.start = entry->end, .last_arrival_ms = shard->last_ms};
        span->start = start[entry->slot];
        span->low = span->start;
        span->low_left = entry->bytes;
        span->high = entry->end;
        span->horizon = extent.start;
        span->last_ms = extent.last_arrival_ms;
        s->high_sum += entry->bytes;
        s->low_sure = s->low_sure && span->horizon <= span->start;
    }
    return 0;
}

/* Narrows the search, from the end backwards first: most seeks are to near it. */
static int narrow(struct search *s, uint64_t wanted, uint64_t enough, struct kfs_error *err)
{
    uint64_t step = 1;
    bool bounded = false; /* the lower state is near */

    while (s->high_ms - s->low_ms > 1 && (!s->low_sure || s->high_sum - s->low_sum > enough)) {
        uint64_t ms = s->low_ms + (s->high_ms - s->low_ms) / 2;
        int rc;
        if (!bounded && s->high_ms - s->low_ms > step)
            ms = s->high_ms - step;
        rc = probe(s, ms, err);
        if (rc != 0)
            return rc;
        if (!s->middle_sure || s->middle_sum <= wanted) {
            raise_low(s, ms);
            bounded = true;
        } else {
            lower_high(s, ms);
            step = step > UINT64_MAX / 2 ? step : step * 2;
        }
    }
    return 0;
}

/* Records of one millisecond stand in order of their shards. */
static void pass_shards(struct search *s, uint64_t wanted)
{
    for (size_t i = 0; i < s->x->n; i++) {
        struct span *span = &s->spans[i];
        if (s->low_sum + (span->low_left - span->high_left) > wanted)
            break;
        s->low_sum += span->low_left - span->high_left;
        span->low = span->high;
    }
}

int merge_time_seek(struct kfs_merge *m, size_t extension, uint64_t offset, uint64_t *next, uint64_t *at,
                    struct kfs_error *err)
{
    struct search s = {.m = m, .x = &m->history.extensions[extension]};
    uint64_t wanted = offset - s.x->start;
    int rc;

    s.spans = calloc(s.x->n, sizeof *s.spans);
    if (s.spans == NULL)
        return kfs_fail(err, ENOMEM, "no memory to seek");
    rc = begin(&s, next, err);
    if (rc == 0)
        rc = narrow(&s, wanted, merge_history_interval(&m->history, m->n) / 8, err);
    if (rc == 0 && !s.low_sure)
        rc = kfs_fail(err, ESTALE, "retention has removed records that lie about offset %llu",
                      (unsigned long long)offset);
    if (rc != 0)
        goto out;
    if (s.high_ms - s.low_ms == 1)
        pass_shards(&s, wanted);
    for (size_t i = 0; i < s.x->n; i++)
        next[s.x->entries[i].slot] = s.spans[i].low;
    *at = s.x->start + s.low_sum;
out:
    free(s.spans);
    return rc;
}
