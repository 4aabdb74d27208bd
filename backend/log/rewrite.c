#include "backend/log/rewrite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/crc32c.h"

#define DATA_BUFFER (256U << 10)

int kfs_rewrite_init(struct kfs_rewrite *rw, const struct kfs_io *io, int dir, const struct kfs_segment_header *header)
{
    *rw = (struct kfs_rewrite){
        .page_no = 1, .place = {.arrival_ms = header->created_ms, .seq = header->floor, .chain = header->salt}};
    rw->seg = kfs_segment_new(io, header->base, 0);
    rw->data = malloc(DATA_BUFFER);
    rw->page = calloc(1, KFS_PAGE);
    if (rw->seg == NULL || rw->data == NULL || rw->page == NULL)
        return -ENOMEM;
    return kfs_segment_create(rw->seg, dir, header);
}

void kfs_rewrite_release(struct kfs_rewrite *rw)
{
    kfs_segment_unref(rw->seg);
    free(rw->data);
    free(rw->page);
    *rw = (struct kfs_rewrite){0};
}

static int write_at(const struct kfs_rewrite *rw, int fd, const void *data, size_t len, uint64_t offset)
{
    struct iovec iov = {(void *)(uintptr_t)data, len};

    return len == 0 ? 0 : rw->seg->io->pwrite_all(rw->seg->io->ctx, fd, &iov, 1, offset);
}

static int flush_data(struct kfs_rewrite *rw)
{
    int rc = write_at(rw, rw->seg->data_fd, rw->data, rw->data_len, rw->place.data_offset - rw->data_len);

    rw->data_len = 0;
    return rc;
}

/* The place is still that of the record. */
static int put_data(struct kfs_rewrite *rw, const char *data, size_t len)
{
    if (len > DATA_BUFFER - rw->data_len) {
        int rc = flush_data(rw);
        if (rc != 0)
            return rc;
    }
    if (len > DATA_BUFFER)
        return write_at(rw, rw->seg->data_fd, data, len, rw->place.data_offset);
    memcpy(rw->data + rw->data_len, data, len);
    rw->data_len += len;
    return 0;
}

static int begin_block(struct kfs_rewrite *rw, const struct kfs_place *first)
{
    if (rw->page_used > 0) {
        memset(rw->page + rw->page_used, 0, KFS_PAGE - rw->page_used);
        int rc = write_at(rw, rw->seg->index_fd, rw->page, KFS_PAGE, rw->page_no * KFS_PAGE);
        if (rc != 0)
            return rc;
        rw->page_no++;
    }
    kfs_block_encode(first, rw->seg->header.salt, rw->page);
    rw->page_used = KFS_BLOCK_HEADER;
    rw->block_arrival_ms = first->arrival_ms;
    return 0;
}

int kfs_rewrite_add(struct kfs_rewrite *rw, const struct kfs_rewrite_record *record)
{
    struct kfs_place place = rw->place;
    struct kfs_entry entry = {.length = record->len, .key = record->key, .seq = record->seq};

    /* Times do not go down (FORMAT.md, invariant 9). */
    if (record->arrival_ms > place.arrival_ms)
        place.arrival_ms = record->arrival_ms;
    kfs_seq_advance(&place.seq, place.arrival_ms / 1000);
    entry.has_seq = kfs_seq_cmp(&place.seq, &record->seq) != 0;
    place.seq = record->seq;
    entry.size = kfs_entry_size(entry.has_seq, entry.key.len);
    if (rw->page_used == 0 || entry.size > KFS_PAGE - rw->page_used ||
        place.arrival_ms - rw->block_arrival_ms > UINT32_MAX) {
        int rc = begin_block(rw, &place);
        if (rc != 0)
            return rc;
    }
    entry.arrival_delta = (uint32_t)(place.arrival_ms - rw->block_arrival_ms);
    uint8_t *out = rw->page + rw->page_used;
    uint32_t crc = kfs_entry_encode(&entry, &place, out);
    crc = kfs_crc32c(crc, record->data, (size_t)record->len + 1);
    kfs_entry_set_checksum(out, crc);
    rw->page_used += entry.size;
    int rc = put_data(rw, record->data, (size_t)record->len + 1);
    rw->place = place;
    rw->place.data_offset += (uint64_t)record->len + 1;
    rw->place.record++;
    rw->place.chain = crc;
    return rc;
}

int kfs_rewrite_end(struct kfs_rewrite *rw, bool sealed)
{
    const struct kfs_io *io = rw->seg->io;
    struct kfs_checkpoint cp = {.data_size = rw->place.data_offset,
                                .index_size = rw->page_used > 0 ? rw->page_no * KFS_PAGE + rw->page_used : KFS_PAGE,
                                .records = rw->place.record,
                                .last_arrival_ms = rw->place.record > 0 ? rw->place.arrival_ms : 0,
                                .sealed = sealed};
    int rc = flush_data(rw);

    if (rc == 0)
        rc = write_at(rw, rw->seg->index_fd, rw->page, rw->page_used, rw->page_no * KFS_PAGE);
    if (rc == 0)
        rc = kfs_segment_checkpoint(rw->seg, &cp);
    if (rc == 0)
        rc = io->datasync(io->ctx, rw->seg->data_fd);
    return rc == 0 ? io->datasync(io->ctx, rw->seg->index_fd) : rc;
}
