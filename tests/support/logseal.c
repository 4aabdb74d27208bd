#include "tests/support/logseal.h"

#include <endian.h>
#include <string.h>

#include "backend/base/crc32c.h"

/* docs/FORMAT.md section 3 */
#define HEADER_SALT 56U
#define HEADER_CHECKSUM 60U
#define BLOCK_CHAIN 4U

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return le32toh(v);
}

static void put32(uint8_t *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, sizeof v);
}

static void seal_page_0(uint8_t *page, unsigned int parts)
{
    uint32_t salt = get32(page + HEADER_SALT);

    if ((parts & LOGSEAL_HEADER) != 0)
        put32(page + HEADER_CHECKSUM, kfs_crc32c(0, page, HEADER_CHECKSUM));
    for (uint64_t i = 0; (parts & LOGSEAL_CHECKPOINTS) != 0 && i < 2; i++) {
        uint8_t *slot = page + kfs_checkpoint_slot(i);
        put32(slot + KFS_SLOT_SIZE, kfs_crc32c(salt, slot, KFS_SLOT_SIZE));
    }
}

/* Seals the entries of a block; place is that of the first. Returns the last one's checksum. */
static uint32_t seal_entries(uint8_t *page, size_t valid, struct kfs_place *place, struct kfs_bytes data)
{
    const uint64_t block_arrival_ms = place->arrival_ms;
    size_t at = KFS_BLOCK_HEADER;
    struct kfs_entry entry;

    for (bool first = true; kfs_entry_decode(page, at, valid, &entry) == 1; first = false, at += entry.size) {
        uint64_t len = (uint64_t)entry.length + 1;
        place->arrival_ms = block_arrival_ms + entry.arrival_delta;
        if (entry.has_seq)
            place->seq = entry.seq;
        else if (!first)
            kfs_seq_advance(&place->seq, place->arrival_ms / 1000);
        if (place->data_offset <= data.len && len <= data.len - place->data_offset) {
            uint32_t crc = kfs_entry_checksum(page + at, entry.size, place);
            crc = kfs_crc32c(crc, (const char *)data.data + place->data_offset, (size_t)len);
            kfs_entry_set_checksum(page + at, crc);
            entry.checksum = crc;
        }
        place->chain = entry.checksum;
        place->data_offset += len;
        place->record++;
    }
    return place->chain;
}

void logseal(uint8_t *index, size_t size, struct kfs_bytes data, unsigned int parts)
{
    struct kfs_place place;

    if (size < KFS_PAGE)
        return;
    uint32_t salt = get32(index + HEADER_SALT);
    uint32_t chain = salt;
    seal_page_0(index, parts);
    for (size_t at = KFS_PAGE; size - at > KFS_BLOCK_HEADER; at += KFS_PAGE) {
        uint8_t *page = index + at;
        size_t valid = size - at < KFS_PAGE ? size - at : KFS_PAGE;
        if ((parts & LOGSEAL_CHAIN) != 0)
            put32(page + BLOCK_CHAIN, chain);
        if ((parts & LOGSEAL_BLOCKS) != 0)
            put32(page, kfs_crc32c(salt, page + 4, KFS_BLOCK_HEADER - 4));
        if ((parts & LOGSEAL_ENTRIES) != 0 && kfs_block_decode(page, salt, &place) == 0)
            chain = seal_entries(page, valid, &place, data);
        if (valid < KFS_PAGE)
            break;
    }
}

void logseal_salt(uint8_t *index, size_t size, struct kfs_bytes data, uint32_t salt)
{
    if (size < KFS_PAGE)
        return;
    put32(index + HEADER_SALT, salt);
    logseal(index, size, data, LOGSEAL_ALL);
}
