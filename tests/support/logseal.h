/* Making the checksums of an index file fit what is in it, so that a test can
 * hand the log values that no accident would give it, or another salt. */
#ifndef KFS_TESTS_LOGSEAL_H
#define KFS_TESTS_LOGSEAL_H

#include <stddef.h>
#include <stdint.h>

#include "backend/log/format.h"

enum logseal_part {
    LOGSEAL_HEADER = 1,
    LOGSEAL_CHECKPOINTS = 2,
    LOGSEAL_BLOCKS = 4,
    LOGSEAL_ENTRIES = 8,
    LOGSEAL_CHAIN = 16, /* blocks also get the checksum of the entry before them */
    LOGSEAL_ALL = 31
};

/* Writes the checksums of these parts into an index file of `size` bytes that
 * lies beside these data. What does not fit into either is left as it is. */
void logseal(uint8_t *index, size_t size, struct kfs_bytes data, unsigned int parts);

/* Gives an index file another salt, and seals it whole. */
void logseal_salt(uint8_t *index, size_t size, struct kfs_bytes data, uint32_t salt);

#endif
