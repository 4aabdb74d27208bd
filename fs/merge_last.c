/* Where the last so many records of all shards together begin, by arrival times and the ordinals of the indexes
 * instead of by merging what each shard could have of them.
 *
 * What counts as arrived at a time T or later is, in each shard, what lies behind the first record that arrived then;
 * of a shard whose floor is not below T it is all. Records stand in order of that, so the last N are among those of the
 * latest T that has as many. What they are too many is passed by merging. */
#include <stdlib.h>

#include "fs/merge_internal.h"

#define PASSED_MAX 10000 /* records that are passed as fast as looked for */

/* Where a shard begins at a time. */
struct begin {
    uint64_t offset;
    uint64_t record;
};

/* Sets begins, and how many records all have from there on. */
static int probe(struct kfs_merge *m, uint64_t ms, struct begin *begins, uint64_t *records)
{
    const struct kfs_position position = {.type = KFS_AT_TIME, .time_ms = ms};

    *records = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        const struct merge_shard *shard = &m->shards[i];
        struct kfs_reader *reader;
        struct begin at = {shard->base, shard->base_record};
        int rc = 0;

        if (ms > shard->seen_floor_ms && shard->seen_record > shard->base_record) {
            rc = merge_reader(m, i, &reader, NULL);
            if (rc == 0)
                rc = kfs_locate(reader, &position, &at.offset, NULL);
            if (rc == 0)
                rc = kfs_gauge_ordinal(reader, at.offset, &at.record, NULL);
        }
        if (rc != 0)
            return rc;
        if (at.record < shard->base_record)
            at = (struct begin){shard->base, shard->base_record};
        if (at.record < shard->seen_record) /* else it came after the look, or is the tip */
            *records += shard->seen_record - at.record;
        begins[i] = at;
    }
    return 0;
}

/* The latest time that has `count` records: from the end backwards until there are enough, then between. */
static int search(struct kfs_merge *m, uint64_t count, struct begin *begins)
{
    uint64_t high = 1; /* too few */
    uint64_t step = 1;
    uint64_t records = 0;
    int rc = 0;

    for (size_t i = 0; i < m->n; i++)
        high = m->shards[i].seen_ms >= high ? m->shards[i].seen_ms + 1 : high;
    uint64_t low = high; /* enough, once it is below */
    while (rc == 0 && records < count && low > 0) {
        high = low;
        low = low > step ? low - step : 0;
        step *= 2;
        rc = probe(m, low, begins, &records);
    }
    while (rc == 0 && high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        rc = probe(m, middle, begins, &records);
        if (records >= count)
            low = middle;
        else
            high = middle;
    }
    return rc != 0 ? rc : probe(m, low, begins, &records);
}

void merge_begin_late(struct kfs_merge *m, uint64_t count)
{
    struct begin *begins;
    uint64_t records = 0;

    for (size_t i = 0; i < m->n; i++)
        records += m->shards[i].seen_record - m->shards[i].base_record;
    if (records < count || records - count <= PASSED_MAX)
        return;
    begins = calloc(m->n, sizeof *begins);
    if (begins != NULL && search(m, count, begins) == 0) {
        for (size_t i = 0; i < m->n; i++) {
            struct merge_shard *shard = &m->shards[i];
            if (begins[i].record > shard->seen_record)
                continue;
            shard->base = begins[i].offset;
            shard->base_record = begins[i].record;
            shard->end = shard->base;
            shard->end_record = shard->base_record;
        }
    }
    free(begins);
}
