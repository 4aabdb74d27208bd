/* The bytes of an index file, one page at a time: the decoders of
 * backend/log/format.c. What decodes encodes to the same bytes. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backend/log/format.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/logseal.h"

static void check_page_0(const uint8_t *page)
{
    uint8_t made[KFS_PAGE];
    uint8_t slot[KFS_SLOT_SIZE + 4];
    struct kfs_segment_header header;
    struct kfs_checkpoint cp;
    int rc = kfs_header_decode(page, &header);

    REQUIRE(rc == 0 || rc == -EILSEQ);
    if (rc != 0)
        return;
    kfs_header_encode(&header, made);
    REQUIRE(memcmp(made, page, 64) == 0);
    if (!kfs_checkpoint_decode(page, header.salt, &cp))
        return;
    REQUIRE(cp.generation > 0);
    kfs_checkpoint_encode(&cp, header.salt, slot);
    /* Of the last field only whether it is 0 is taken over. */
    REQUIRE(memcmp(slot, page + kfs_checkpoint_slot(cp.generation), 40) == 0);
}

static void check_entries(const uint8_t *page, size_t valid)
{
    uint8_t made[KFS_ENTRY_MAX];
    struct kfs_place place = {0};
    struct kfs_entry entry;
    size_t at = KFS_BLOCK_HEADER;
    int rc;

    while ((rc = kfs_entry_decode(page, at, valid, &entry)) == 1) {
        REQUIRE(entry.size >= KFS_ENTRY_FIXED && entry.size <= KFS_ENTRY_MAX && entry.size <= valid - at);
        REQUIRE(entry.size == kfs_entry_size(entry.has_seq, entry.key.len));
        uint32_t crc = kfs_entry_encode(&entry, &place, made);
        kfs_entry_set_checksum(made, entry.checksum);
        REQUIRE(memcmp(made, page + at, entry.size) == 0);
        REQUIRE(crc == kfs_entry_checksum(page + at, entry.size, &place));
        at += entry.size;
    }
    REQUIRE(rc == 0 || rc == -EILSEQ);
}

static void check_block(const uint8_t *page, size_t valid)
{
    uint8_t made[KFS_BLOCK_HEADER];
    struct kfs_place first;

    if (kfs_block_decode(page, 1, &first) == 0) {
        kfs_block_encode(&first, 1, made);
        REQUIRE(memcmp(made + 4, page + 4, 52) == 0); /* not what is reserved */
    }
    check_entries(page, valid);
}

/* The first byte says what the rest is: bit 0 a block, bit 1 with its checksums made to fit. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t len = size - 1 < KFS_PAGE ? size - 1 : KFS_PAGE;
    bool is_block = (data[0] & 1) != 0;
    size_t whole = is_block ? 2 * KFS_PAGE : KFS_PAGE;
    uint8_t *index = calloc(1, whole);

    REQUIRE(index != NULL);
    uint8_t *page = index + (whole - KFS_PAGE);
    memcpy(page, data + 1, len);
    if (is_block)
        index[56] = 1; /* the salt */
    if ((data[0] & 2) != 0)
        logseal(index, whole, (struct kfs_bytes){NULL, 0},
                is_block ? LOGSEAL_BLOCKS | LOGSEAL_ENTRIES : LOGSEAL_HEADER | LOGSEAL_CHECKPOINTS);
    size_t valid = !is_block ? KFS_PAGE : len < KFS_BLOCK_HEADER ? KFS_BLOCK_HEADER : len;
    uint8_t *exact = malloc(valid); /* so that a sanitizer sees a read past the end */
    REQUIRE(exact != NULL);
    memcpy(exact, page, valid);
    if (is_block)
        check_block(exact, valid);
    else
        check_page_0(exact);
    free(exact);
    free(index);
    return 0;
}
