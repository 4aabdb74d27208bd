#include "backend/kinesis/backoff.h"

#define SHIFT_MAX 20

uint64_t remote_backoff_ms(uint32_t failures, uint64_t max_ms, uint64_t random)
{
    uint64_t top = (uint64_t)REMOTE_BACKOFF_BASE_MS << (failures < SHIFT_MAX ? failures : SHIFT_MAX);

    if (top > max_ms)
        top = max_ms;
    return top == 0 ? 1 : 1 + random % top;
}
