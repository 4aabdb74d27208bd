/* CRCs of 32 bits by tables, for any polynomial. */
#ifndef KFS_BASE_CRC_TABLE_H
#define KFS_BASE_CRC_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* slices[k][b] moves byte b over k more bytes. */
struct kfs_crc_table {
    uint32_t slices[8][256];
};

/* The polynomial's bits are reflected. */
void kfs_crc_table_fill(struct kfs_crc_table *table, uint32_t polynomial);

/* Slicing by 8. The register is the CRC without the inversion at either end. */
uint32_t kfs_crc_update(const struct kfs_crc_table *table, uint32_t reg, const void *data, size_t len);

/* The order of bytes is fixed here; compilers make one load of it. */
static inline uint64_t kfs_load_le64(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 |
           (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

#endif
