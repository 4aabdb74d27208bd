/* The reference backend: what backend.h means, written so that it can be seen
 * to be right. Arrays and one mutex, scans instead of indexes, no durability.
 * Retention is exact: at each call, records older than it are gone. A closed
 * shard is kept until its closing is older than retention. */
#ifndef KFS_TESTS_MEMORY_H
#define KFS_TESTS_MEMORY_H

#include "backend/backend.h"
#include "backend/base/clock.h"

/* The clock is borrowed. Aborts where memory runs out. */
struct kfs_backend *memory_open(const struct kfs_clock *clock);

#endif
