/* CRC-32 as zlib has it (ISO 3309). kfs_crc32(0, ...) starts; passing an earlier result goes on. */
#ifndef KFS_BASE_CRC32_H
#define KFS_BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t kfs_crc32(uint32_t crc, const void *data, size_t len);

#endif
