#include "backend/base/crc_table.h"

void kfs_crc_table_fill(struct kfs_crc_table *table, uint32_t polynomial)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t reg = b;
        for (int bit = 0; bit < 8; bit++)
            reg = reg >> 1 ^ ((reg & 1) != 0 ? polynomial : 0);
        table->slices[0][b] = reg;
    }
    for (int k = 1; k < 8; k++) {
        for (uint32_t b = 0; b < 256; b++) {
            uint32_t reg = table->slices[k - 1][b];
            table->slices[k][b] = table->slices[0][reg & 0xff] ^ reg >> 8;
        }
    }
}

uint32_t kfs_crc_update(const struct kfs_crc_table *table, uint32_t reg, const void *data, size_t len)
{
    const uint32_t(*slices)[256] = table->slices;
    const uint8_t *p = data;

    for (; len >= 8; len -= 8, p += 8) {
        uint64_t x = kfs_load_le64(p) ^ reg;
        reg = slices[7][x & 0xff] ^ slices[6][x >> 8 & 0xff] ^ slices[5][x >> 16 & 0xff] ^ slices[4][x >> 24 & 0xff] ^
              slices[3][x >> 32 & 0xff] ^ slices[2][x >> 40 & 0xff] ^ slices[1][x >> 48 & 0xff] ^ slices[0][x >> 56];
    }
    for (; len > 0; len--, p++)
        reg = slices[0][(reg ^ *p) & 0xff] ^ reg >> 8;
    return reg;
}
