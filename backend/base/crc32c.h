/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), by the processor's instruction
 * where it has one. kfs_crc32c(0, ...) starts; passing an earlier result goes on. */
#ifndef KFS_BASE_CRC32C_H
#define KFS_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t kfs_crc32c(uint32_t crc, const void *data, size_t len);

/* The table-driven version, for processors without the instruction and for tests. */
uint32_t kfs_crc32c_portable(uint32_t crc, const void *data, size_t len);

#endif
