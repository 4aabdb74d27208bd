/* Time, injected so that a test can stop it or turn it back. */
#ifndef KFS_BASE_CLOCK_H
#define KFS_BASE_CLOCK_H

#include <stdint.h>

struct kfs_clock {
    void *ctx;
    uint64_t (*wall_ms)(void *ctx); /* milliseconds since 1970-01-01 UTC; may step either way */
    uint64_t (*mono_ms)(void *ctx); /* milliseconds since some start; never steps back */
};

extern const struct kfs_clock kfs_system_clock;

#endif
