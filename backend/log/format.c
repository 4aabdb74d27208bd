#include "backend/log/format.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "backend/base/crc32c.h"

static const uint8_t magic[8] = {'K', 'F', 'S', 'I', 'N', 'D', 'X', '1'};

#define HEADER_CRC_AT 60U
#define SLOT_BASE 512U
#define ENTRY_HERE 0x8000U
#define ENTRY_HAS_SEQ 0x4000U

static void put16(uint8_t *p, uint16_t v)
{
    v = htole16(v);
    memcpy(p, &v, sizeof v);
}

static void put32(uint8_t *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, sizeof v);
}

static void put64(uint8_t *p, uint64_t v)
{
    v = htole64(v);
    memcpy(p, &v, sizeof v);
}

static uint16_t get16(const uint8_t *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof v);
    return le16toh(v);
}

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return le32toh(v);
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return le64toh(v);
}

static bool in_bounds(const uint64_t *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (values[i] >= KFS_VALUE_END)
            return false;
    }
    return true;
}

void kfs_header_encode(const struct kfs_segment_header *header, uint8_t page[KFS_PAGE])
{
    memset(page, 0, KFS_PAGE);
    memcpy(page, magic, sizeof magic);
    put64(page + 8, header->base);
    put64(page + 16, header->first_record);
    put64(page + 24, header->created_ms);
    memcpy(page + 32, header->floor.b, KFS_SEQ_BYTES);
    put32(page + 56, header->salt);
    put32(page + HEADER_CRC_AT, kfs_crc32c(0, page, HEADER_CRC_AT));
}

int kfs_header_decode(const uint8_t page[KFS_PAGE], struct kfs_segment_header *header)
{
    if (memcmp(page, magic, sizeof magic) != 0)
        return -EILSEQ;
    if (get32(page + HEADER_CRC_AT) != kfs_crc32c(0, page, HEADER_CRC_AT))
        return -EILSEQ;
    const uint64_t values[] = {get64(page + 8), get64(page + 16), get64(page + 24)};
    if (!in_bounds(values, 3))
        return -EILSEQ;
    header->base = values[0];
    header->first_record = values[1];
    header->created_ms = values[2];
    memcpy(header->floor.b, page + 32, KFS_SEQ_BYTES);
    header->salt = get32(page + 56);
    return 0;
}

size_t kfs_checkpoint_slot(uint64_t generation)
{
    return SLOT_BASE * (1 + (size_t)(generation & 1));
}

void kfs_checkpoint_encode(const struct kfs_checkpoint *cp, uint32_t salt, uint8_t slot[KFS_SLOT_SIZE + 4])
{
    put64(slot, cp->generation);
    put64(slot + 8, cp->data_size);
    put64(slot + 16, cp->index_size);
    put64(slot + 24, cp->records);
    put64(slot + 32, cp->last_arrival_ms);
    put32(slot + 40, cp->sealed ? 1 : 0);
    put32(slot + KFS_SLOT_SIZE, kfs_crc32c(salt, slot, KFS_SLOT_SIZE));
}

bool kfs_checkpoint_decode(const uint8_t page[KFS_PAGE], uint32_t salt, struct kfs_checkpoint *cp)
{
    bool found = false;

    *cp = (struct kfs_checkpoint){0};
    for (uint64_t parity = 0; parity < 2; parity++) {
        const uint8_t *slot = page + kfs_checkpoint_slot(parity);
        const uint64_t values[] = {get64(slot), get64(slot + 8), get64(slot + 16), get64(slot + 24), get64(slot + 32)};
        if (get32(slot + KFS_SLOT_SIZE) != kfs_crc32c(salt, slot, KFS_SLOT_SIZE) || !in_bounds(values, 5))
            continue;
        if (values[0] <= cp->generation || values[0] % 2 != parity) /* 0 is an empty slot */
            continue;
        cp->generation = values[0];
        cp->data_size = values[1];
        cp->index_size = values[2];
        cp->records = values[3];
        cp->last_arrival_ms = values[4];
        cp->sealed = get32(slot + 40) != 0;
        found = true;
    }
    return found;
}

void kfs_block_encode(const struct kfs_place *first, uint32_t salt, uint8_t header[KFS_BLOCK_HEADER])
{
    put32(header + 4, first->chain);
    put64(header + 8, first->data_offset);
    put64(header + 16, first->record);
    put64(header + 24, first->arrival_ms);
    memcpy(header + 32, first->seq.b, KFS_SEQ_BYTES);
    put64(header + 56, 0);
    put32(header, kfs_crc32c(salt, header + 4, KFS_BLOCK_HEADER - 4));
}

int kfs_block_decode(const uint8_t header[KFS_BLOCK_HEADER], uint32_t salt, struct kfs_place *first)
{
    const uint64_t values[] = {get64(header + 8), get64(header + 16), get64(header + 24)};

    if (get32(header) != kfs_crc32c(salt, header + 4, KFS_BLOCK_HEADER - 4) || !in_bounds(values, 3))
        return -EILSEQ;
    first->chain = get32(header + 4);
    first->data_offset = values[0];
    first->record = values[1];
    first->arrival_ms = values[2];
    memcpy(first->seq.b, header + 32, KFS_SEQ_BYTES);
    return 0;
}

uint32_t kfs_block_chain(const uint8_t header[KFS_BLOCK_HEADER])
{
    return get32(header + 4);
}

size_t kfs_entry_size(bool has_seq, size_t key_len)
{
    return KFS_ENTRY_FIXED + (has_seq ? KFS_SEQ_BYTES : 0) + key_len;
}

uint32_t kfs_entry_checksum(const uint8_t *entry, size_t size, const struct kfs_place *place)
{
    uint8_t offset[8];

    put64(offset, place->data_offset);
    uint32_t crc = kfs_crc32c(place->chain, offset, sizeof offset);
    crc = kfs_crc32c(crc, place->seq.b, KFS_SEQ_BYTES);
    return kfs_crc32c(crc, entry + 4, size - 4);
}

uint32_t kfs_entry_encode(const struct kfs_entry *entry, const struct kfs_place *place, uint8_t *out)
{
    uint8_t *tail = out + KFS_ENTRY_FIXED;

    put32(out + 4, entry->length);
    put32(out + 8, entry->arrival_delta);
    put16(out + 12, (uint16_t)entry->key.len);
    put16(out + 14, entry->has_seq ? ENTRY_HERE | ENTRY_HAS_SEQ : ENTRY_HERE);
    if (entry->has_seq) {
        memcpy(tail, entry->seq.b, KFS_SEQ_BYTES);
        tail += KFS_SEQ_BYTES;
    }
    if (entry->key.len > 0)
        memcpy(tail, entry->key.data, entry->key.len);
    return kfs_entry_checksum(out, entry->size, place);
}

void kfs_entry_set_checksum(uint8_t *entry, uint32_t checksum)
{
    put32(entry, checksum);
}

int kfs_entry_decode(const uint8_t *page, size_t at, size_t valid, struct kfs_entry *entry)
{
    const uint8_t *p = page + at;

    if (valid < at + KFS_ENTRY_FIXED)
        return 0;
    uint16_t flags = get16(p + 14);
    uint16_t key_len = get16(p + 12);
    if (flags == 0)
        return 0;
    if ((flags & ~(ENTRY_HERE | ENTRY_HAS_SEQ)) != 0 || (flags & ENTRY_HERE) == 0 ||
        key_len > KFS_PARTITION_KEY_BYTES_MAX)
        return -EILSEQ;
    bool has_seq = (flags & ENTRY_HAS_SEQ) != 0;
    size_t size = kfs_entry_size(has_seq, key_len);
    if (size > valid - at)
        return -EILSEQ;
    entry->has_seq = has_seq;
    entry->size = size;
    entry->checksum = get32(p);
    entry->length = get32(p + 4);
    entry->arrival_delta = get32(p + 8);
    p += KFS_ENTRY_FIXED;
    if (has_seq) {
        memcpy(entry->seq.b, p, KFS_SEQ_BYTES);
        p += KFS_SEQ_BYTES;
    }
    entry->key = (struct kfs_bytes){p, key_len};
    return 1;
}
