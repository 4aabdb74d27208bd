/* The write limits of a shard, kept on this side: 1 MB and 1,000 records a second. */
#ifndef KFS_KINESIS_PACE_H
#define KFS_KINESIS_PACE_H

#include <stdint.h>

#define REMOTE_PACE_BYTES 1000000 /* a second */
#define REMOTE_PACE_RECORDS 1000
/* At most saved up. Not all of a second: requests that take unequal times come closer together than they left. */
#define REMOTE_PACE_SAVED_MS 900

/* What is left, in thousandths. Below zero after a batch that was more than can be saved up, which one large record can
 * be. */
struct remote_pace {
    int64_t bytes_m;
    int64_t records_m;
    uint64_t at_ms;
};

void remote_pace_init(struct remote_pace *pace, uint64_t now_ms);

/* 0 where a batch of that much may leave now, else how many ms until it may. */
uint64_t remote_pace_wait(struct remote_pace *pace, uint64_t now_ms, uint64_t bytes, uint64_t records);

/* A batch leaves. */
void remote_pace_take(struct remote_pace *pace, uint64_t bytes, uint64_t records);

#endif
