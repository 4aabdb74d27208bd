#include "backend/log/segment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_DIGITS 20

struct kfs_segment *kfs_segment_new(const struct kfs_io *io, uint64_t base, uint64_t map_bytes)
{
    struct kfs_segment *seg = calloc(1, sizeof *seg);

    if (seg == NULL)
        return NULL;
    seg->io = io;
    seg->base = base;
    seg->map_bytes = map_bytes;
    seg->data_fd = -1;
    seg->index_fd = -1;
    atomic_init(&seg->refs, 1);
    atomic_init(&seg->loaded, false);
    atomic_init(&seg->sealed, false);
    atomic_init(&seg->listed, false);
    atomic_init(&seg->verified, 0);
    (void)pthread_mutex_init(&seg->load, NULL);
    return seg;
}

struct kfs_segment *kfs_segment_ref(struct kfs_segment *seg)
{
    atomic_fetch_add(&seg->refs, 1);
    return seg;
}

void kfs_segment_unref(struct kfs_segment *seg)
{
    if (seg == NULL || atomic_fetch_sub(&seg->refs, 1) != 1)
        return;
    if (seg->data_fd >= 0)
        seg->io->close(seg->io->ctx, seg->data_fd);
    if (seg->index_fd >= 0)
        seg->io->close(seg->io->ctx, seg->index_fd);
    free((void *)atomic_load(&seg->verified));
    (void)pthread_mutex_destroy(&seg->load);
    free(seg);
}

void kfs_segment_data_name(uint64_t base, char name[KFS_SEGMENT_NAME_MAX])
{
    (void)snprintf(name, KFS_SEGMENT_NAME_MAX, "%020" PRIu64 ".data", base);
}

void kfs_segment_index_name(uint64_t base, char name[KFS_SEGMENT_NAME_MAX])
{
    (void)snprintf(name, KFS_SEGMENT_NAME_MAX, "%020" PRIu64 ".index", base);
}

bool kfs_segment_parse_name(const char *name, uint64_t *base, bool *is_index)
{
    uint64_t value = 0;

    for (int i = 0; i < NAME_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(name[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    bool index = strcmp(name + NAME_DIGITS, ".index") == 0;
    if (!index && strcmp(name + NAME_DIGITS, ".data") != 0)
        return false;
    if (value >= KFS_VALUE_END)
        return false;
    *base = value;
    *is_index = index;
    return true;
}

int kfs_segment_create(struct kfs_segment *seg, int dir, const struct kfs_segment_header *header)
{
    const struct kfs_io *io = seg->io;
    char name[KFS_SEGMENT_NAME_MAX];
    uint8_t page[KFS_PAGE];
    struct iovec iov = {page, sizeof page};

    kfs_segment_data_name(seg->base, name);
    seg->data_fd = io->open(io->ctx, dir, name, KFS_OPEN_CREATE);
    if (seg->data_fd < 0)
        return seg->data_fd;
    kfs_segment_index_name(seg->base, name);
    seg->index_fd = io->open(io->ctx, dir, name, KFS_OPEN_CREATE);
    if (seg->index_fd < 0)
        return seg->index_fd;
    /* An earlier attempt may have left the files there. */
    int rc = io->truncate(io->ctx, seg->data_fd, 0);
    if (rc == 0)
        rc = io->truncate(io->ctx, seg->index_fd, 0);
    if (rc != 0)
        return rc;
    kfs_header_encode(header, page);
    rc = io->pwrite_all(io->ctx, seg->index_fd, &iov, 1, 0);
    if (rc != 0)
        return rc;
    seg->header = *header;
    seg->index_size = KFS_PAGE;
    atomic_store(&seg->loaded, true);
    return 0;
}

static int open_file(struct kfs_segment *seg, int dir, bool index, struct kfs_error *err)
{
    char name[KFS_SEGMENT_NAME_MAX];

    if (index)
        kfs_segment_index_name(seg->base, name);
    else
        kfs_segment_data_name(seg->base, name);
    int fd = seg->io->open(seg->io->ctx, dir, name, KFS_OPEN_WRITE);
    seg->unreadable = fd < 0 && fd != -ENOENT;
    if (fd == -ENOENT)
        return kfs_fail(err, EIO, "file %s is missing; run fsck.kinesisfs on the store", name);
    if (fd < 0)
        return kfs_fail(err, -fd, "cannot open %s: %s", name, strerror(-fd));
    return fd;
}

static int load(struct kfs_segment *seg, int dir, struct kfs_error *err)
{
    uint8_t page[KFS_PAGE];
    struct kfs_segment_header header;
    struct kfs_checkpoint cp;

    int index_fd = open_file(seg, dir, true, err);
    if (index_fd < 0)
        return index_fd;
    int data_fd = open_file(seg, dir, false, err);
    if (data_fd < 0) {
        seg->io->close(seg->io->ctx, index_fd);
        return data_fd;
    }
    seg->io->drop_clean(seg->io->ctx, index_fd);
    ssize_t n = seg->io->pread(seg->io->ctx, index_fd, page, sizeof page, 0);
    seg->unreadable = n < 0;
    if (n != (ssize_t)sizeof page || kfs_header_decode(page, &header) != 0 || header.base != seg->base) {
        seg->io->close(seg->io->ctx, index_fd);
        seg->io->close(seg->io->ctx, data_fd);
        return kfs_fail(err, EIO, "the header of index %020" PRIu64 " is damaged; run fsck.kinesisfs on the store",
                        seg->base);
    }
    (void)kfs_checkpoint_decode(page, header.salt, &cp);
    seg->index_fd = index_fd;
    seg->data_fd = data_fd;
    seg->header = header;
    seg->checkpoint = cp;
    seg->synced_data = cp.data_size;
    atomic_store(&seg->sealed, cp.sealed);
    if (seg->index_size == 0) {
        seg->index_size = cp.index_size < KFS_PAGE ? KFS_PAGE : cp.index_size;
        seg->records = cp.records;
    }
    return 0;
}

int kfs_segment_load(struct kfs_segment *seg, int dir, struct kfs_error *err)
{
    int rc = 0;

    if (atomic_load(&seg->loaded))
        return 0;
    (void)pthread_mutex_lock(&seg->load);
    if (!atomic_load(&seg->loaded)) {
        rc = load(seg, dir, err);
        if (rc == 0)
            atomic_store(&seg->loaded, true);
    }
    (void)pthread_mutex_unlock(&seg->load);
    return rc;
}

int kfs_segment_checkpoint(struct kfs_segment *seg, struct kfs_checkpoint *cp)
{
    uint8_t slot[KFS_SLOT_SIZE + 4];
    struct iovec iov = {slot, sizeof slot};

    cp->generation = seg->checkpoint.generation + 1;
    kfs_checkpoint_encode(cp, seg->header.salt, slot);
    int rc = seg->io->pwrite_all(seg->io->ctx, seg->index_fd, &iov, 1, kfs_checkpoint_slot(cp->generation));
    if (rc == 0)
        seg->checkpoint = *cp;
    return rc;
}

/* ---- the verified bitmap ---- */

static _Atomic uint64_t *bitmap(const struct kfs_segment *seg)
{
    return (_Atomic uint64_t *)atomic_load(&seg->verified);
}

bool kfs_segment_is_verified(const struct kfs_segment *seg, uint64_t from, uint64_t to)
{
    _Atomic uint64_t *bits = bitmap(seg);

    if (bits == NULL || from >= to)
        return false;
    for (uint64_t c = from / KFS_VERIFY_CHUNK; c <= (to - 1) / KFS_VERIFY_CHUNK; c++) {
        if (c / 64 >= seg->verified_words || (atomic_load(&bits[c / 64]) >> (c % 64) & 1) == 0)
            return false;
    }
    return true;
}

/* Chunks beyond the map are never marked, and so verified at each read. */
static _Atomic uint64_t *make_bitmap(struct kfs_segment *seg, uint64_t size)
{
    size_t words = (size_t)(size / KFS_VERIFY_CHUNK / 64 + 1);
    _Atomic uint64_t *fresh = calloc(words, sizeof *fresh);

    (void)pthread_mutex_lock(&seg->load);
    if (fresh != NULL && bitmap(seg) == NULL) {
        seg->verified_words = words;
        atomic_store(&seg->verified, (uintptr_t)fresh);
        fresh = NULL;
    }
    (void)pthread_mutex_unlock(&seg->load);
    free(fresh);
    return bitmap(seg);
}

void kfs_segment_mark_verified(struct kfs_segment *seg, uint64_t from, uint64_t to)
{
    uint64_t first = (from + KFS_VERIFY_CHUNK - 1) / KFS_VERIFY_CHUNK;
    uint64_t end = to / KFS_VERIFY_CHUNK;
    _Atomic uint64_t *bits = bitmap(seg);

    if (first >= end)
        return;
    if (bits == NULL)
        bits = make_bitmap(seg, to > seg->map_bytes ? to : seg->map_bytes);
    for (uint64_t c = first; bits != NULL && c < end && c / 64 < seg->verified_words; c++)
        (void)atomic_fetch_or(&bits[c / 64], UINT64_C(1) << (c % 64));
}
