/* How long to wait after the n-th failure in a row: full jitter. */
#ifndef KFS_KINESIS_BACKOFF_H
#define KFS_KINESIS_BACKOFF_H

#include <stdint.h>

#define REMOTE_BACKOFF_BASE_MS 50
#define REMOTE_BACKOFF_MAX_MS 20000

/* Between 1 and min(max_ms, base * 2^failures) ms. random: any number; failures from 0. */
uint64_t remote_backoff_ms(uint32_t failures, uint64_t max_ms, uint64_t random);

#endif
