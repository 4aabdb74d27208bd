#include "backend/kinesis/pace.h"

#define MILLI 1000

void remote_pace_init(struct remote_pace *pace, uint64_t now_ms)
{
    *pace = (struct remote_pace){(int64_t)REMOTE_PACE_BYTES * REMOTE_PACE_SAVED_MS,
                                 (int64_t)REMOTE_PACE_RECORDS * REMOTE_PACE_SAVED_MS, now_ms};
}

static void fill(int64_t *level, int64_t rate, uint64_t ms)
{
    *level += rate * (int64_t)ms;
    if (*level > rate * REMOTE_PACE_SAVED_MS)
        *level = rate * REMOTE_PACE_SAVED_MS;
}

/* Until the level is what is wanted, or as high as it gets. */
static uint64_t time_to(int64_t level, int64_t wanted, int64_t rate)
{
    if (wanted > rate * REMOTE_PACE_SAVED_MS)
        wanted = rate * REMOTE_PACE_SAVED_MS;
    return level >= wanted ? 0 : (uint64_t)((wanted - level + rate - 1) / rate);
}

uint64_t remote_pace_wait(struct remote_pace *pace, uint64_t now_ms, uint64_t bytes, uint64_t records)
{
    const uint64_t longest = UINT64_C(60) * MILLI; /* what a clock that jumped may add */
    uint64_t ms = now_ms - pace->at_ms < longest ? now_ms - pace->at_ms : longest;

    fill(&pace->bytes_m, REMOTE_PACE_BYTES, ms);
    fill(&pace->records_m, REMOTE_PACE_RECORDS, ms);
    pace->at_ms = now_ms;
    uint64_t bytes_ms = time_to(pace->bytes_m, (int64_t)bytes * MILLI, REMOTE_PACE_BYTES);
    uint64_t records_ms = time_to(pace->records_m, (int64_t)records * MILLI, REMOTE_PACE_RECORDS);
    return bytes_ms > records_ms ? bytes_ms : records_ms;
}

void remote_pace_take(struct remote_pace *pace, uint64_t bytes, uint64_t records)
{
    pace->bytes_m -= (int64_t)bytes * MILLI;
    pace->records_m -= (int64_t)records * MILLI;
}
