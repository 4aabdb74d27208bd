#include "backend/kinesis/acked.h"

#include <endian.h>
#include <string.h>

#include "backend/base/crc32c.h"

#define AT_SETTLED 8
#define AT_COUNT 16
#define AT_LAST 24
#define AT_CRC 48

static void put64(uint8_t *to, uint64_t value)
{
    uint64_t little = htole64(value);

    memcpy(to, &little, sizeof little);
}

static uint64_t get64(const uint8_t *from)
{
    uint64_t little;

    memcpy(&little, from, sizeof little);
    return le64toh(little);
}

void remote_acked_encode(const struct remote_acked *acked, uint8_t slot[REMOTE_ACKED_SIZE])
{
    put64(slot, acked->generation);
    put64(slot + AT_SETTLED, acked->settled);
    put64(slot + AT_COUNT, acked->count);
    memcpy(slot + AT_LAST, acked->last.b, KFS_SEQ_BYTES);
    uint32_t crc = htole32(kfs_crc32c(0, slot, AT_CRC));
    memcpy(slot + AT_CRC, &crc, sizeof crc);
}

bool remote_acked_decode(const uint8_t slot[REMOTE_ACKED_SIZE], struct remote_acked *acked)
{
    uint32_t crc;

    memcpy(&crc, slot + AT_CRC, sizeof crc);
    if (le32toh(crc) != kfs_crc32c(0, slot, AT_CRC) || get64(slot) == 0)
        return false;
    *acked = (struct remote_acked){
        .generation = get64(slot), .settled = get64(slot + AT_SETTLED), .count = get64(slot + AT_COUNT)};
    memcpy(acked->last.b, slot + AT_LAST, KFS_SEQ_BYTES);
    return true;
}

int remote_acked_load(const struct kfs_io *io, int fd, struct remote_acked *acked)
{
    struct remote_acked best = {0};

    for (uint64_t i = 0; i < 2; i++) {
        uint8_t slot[REMOTE_ACKED_SIZE] = {0};
        struct remote_acked found;
        ssize_t n = io->pread(io->ctx, fd, slot, sizeof slot, i * REMOTE_ACKED_SLOT);
        if (n < 0)
            return (int)n;
        if (n == (ssize_t)sizeof slot && remote_acked_decode(slot, &found) && found.generation > best.generation)
            best = found;
    }
    *acked = best;
    return 0;
}

int remote_acked_store(const struct kfs_io *io, int fd, struct remote_acked *acked)
{
    uint8_t slot[REMOTE_ACKED_SIZE];
    struct iovec iov = {slot, sizeof slot};

    acked->generation++;
    remote_acked_encode(acked, slot);
    return io->pwrite_all(io->ctx, fd, &iov, 1, acked->generation % 2 * REMOTE_ACKED_SLOT);
}
