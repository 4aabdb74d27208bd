/* The simulated disk after the death of the process and after power loss. */
#include <stdlib.h>
#include <string.h>

#include "tests/support/simdisk_internal.h"

static void copy_names(struct sim_names *to, const struct sim_names *from)
{
    for (size_t i = 0; i < from->n; i++)
        sim_name_apply(to, &(struct sim_name_op){.adds = true, .add = from->entries[i]});
}

struct simdisk *simdisk_kill(const struct simdisk *disk)
{
    struct simdisk *after = simdisk_new();

    for (size_t i = 0; i < disk->n_inodes; i++) {
        const struct sim_inode *from = &disk->inodes[i];
        size_t number = i > 0 ? sim_new_inode(after, from->is_dir) : 0;
        struct sim_inode *to = &after->inodes[number];
        sim_copy(&to->cache, &from->cache);
        sim_copy(&to->durable, &from->durable);
        to->ops = sim_alloc(NULL, from->n_ops * sizeof *to->ops);
        to->n_ops = from->n_ops;
        for (size_t k = 0; k < from->n_ops; k++) {
            to->ops[k] = from->ops[k];
            to->ops[k].bytes = (struct sim_bytes){0};
            sim_copy(&to->ops[k].bytes, &from->ops[k].bytes);
        }
    }
    copy_names(&after->names, &disk->names);
    copy_names(&after->durable, &disk->durable);
    after->name_ops = sim_alloc(NULL, disk->n_name_ops * sizeof *after->name_ops);
    after->n_name_ops = disk->n_name_ops;
    for (size_t i = 0; i < disk->n_name_ops; i++)
        after->name_ops[i] = disk->name_ops[i];
    return after;
}

/* ---- power loss ---- */

static bool all_zero(const char *data, size_t len)
{
    return len == 0 || (data[0] == 0 && memcmp(data, data + 1, len - 1) == 0);
}

/* Length of the piece of a write that begins at `from`: to the end of its sector,
 * or of the zero sectors that follow. */
static size_t piece_len(const struct sim_op *op, size_t from)
{
    size_t len = 0;

    while (from + len < op->bytes.size) {
        size_t sector = SIMDISK_SECTOR - (size_t)((op->at + from + len) % SIMDISK_SECTOR);
        if (sector > op->bytes.size - from - len)
            sector = op->bytes.size - from - len;
        if (len > 0 && !all_zero(op->bytes.data + from, len + sector))
            break;
        len += sector;
        if (!all_zero(op->bytes.data + from, len))
            break;
    }
    return len;
}

static size_t inode_pieces(const struct sim_inode *inode)
{
    size_t n = 0;

    for (size_t i = 0; i < inode->n_ops; i++) {
        const struct sim_op *op = &inode->ops[i];
        for (size_t at = 0; at < op->bytes.size; at += piece_len(op, at))
            n++;
        n += op->truncates;
    }
    return n + (inode->n_ops > 0); /* the size alone */
}

size_t simdisk_pieces(const struct simdisk *disk)
{
    size_t n = disk->n_name_ops;

    for (size_t i = 0; i < disk->n_inodes; i++)
        n += inode_pieces(&disk->inodes[i]);
    return n;
}

/* Returns the choices after the ones used. */
static const bool *crash_inode(const struct sim_inode *inode, struct sim_bytes *out, const bool *keep, uint8_t fill)
{
    bool truncating = true;
    size_t size = 0;

    sim_copy(out, &inode->durable);
    for (size_t i = 0; i < inode->n_ops; i++) {
        const struct sim_op *op = &inode->ops[i];
        if (op->truncates) {
            truncating = *keep++ && truncating;
            if (truncating)
                sim_resize(out, (size_t)op->at, fill);
            size = (size_t)op->at;
            continue;
        }
        if (op->at + op->bytes.size > size)
            size = (size_t)op->at + op->bytes.size;
        for (size_t at = 0; at < op->bytes.size;) {
            size_t len = piece_len(op, at);
            if (*keep++)
                sim_write(out, op->at + at, op->bytes.data + at, len, fill);
            at += len;
        }
    }
    if (inode->n_ops > 0 && *keep++ && size > out->size)
        sim_resize(out, size, fill);
    return keep;
}

struct simdisk *simdisk_crash(const struct simdisk *disk, const bool *keep, uint8_t fill)
{
    struct simdisk *after = simdisk_new();

    for (size_t i = 0; i < disk->n_inodes; i++) {
        size_t number = i > 0 ? sim_new_inode(after, disk->inodes[i].is_dir) : 0;
        struct sim_inode *to = &after->inodes[number];
        keep = crash_inode(&disk->inodes[i], &to->durable, keep, fill);
        sim_copy(&to->cache, &to->durable);
    }
    copy_names(&after->durable, &disk->durable);
    for (size_t i = 0; i < disk->n_name_ops; i++) {
        if (*keep++)
            sim_name_apply(&after->durable, &disk->name_ops[i]);
    }
    copy_names(&after->names, &after->durable);
    return after;
}

uint64_t simdisk_outcomes(const struct simdisk *disk, uint64_t most)
{
    size_t n = simdisk_pieces(disk);

    return n < 63 && UINT64_C(1) << n <= most ? UINT64_C(1) << n : most;
}

/* Where not every subset is tried: all, none, each one alone and each one missing
 * come first, then random ones of random density. */
struct simdisk *simdisk_crash_nth(const struct simdisk *disk, uint64_t i, uint64_t most, uint64_t seed)
{
    size_t n = simdisk_pieces(disk);
    bool every = n < 63 && UINT64_C(1) << n <= most;
    uint64_t state = seed + i * UINT64_C(0x9e3779b97f4a7c15);
    uint64_t density = simdisk_random(&state, 101);
    bool *keep = sim_alloc(NULL, (n + 1) * sizeof *keep);

    for (size_t k = 0; k < n; k++) {
        if (every)
            keep[k] = (i >> k & 1) != 0;
        else if (i < 2)
            keep[k] = i == 0;
        else if (i < 2 + 2 * (uint64_t)n && most > 4 * (uint64_t)n)
            keep[k] = ((i - 2) / 2 == k) == ((i - 2) % 2 == 0);
        else
            keep[k] = simdisk_random(&state, 100) < density;
    }
    struct simdisk *after = simdisk_crash(disk, keep, !every && simdisk_random(&state, 2) == 0 ? 0xa5 : 0);
    free(keep);
    return after;
}

/* ---- damage ---- */

const char *simdisk_look(const struct simdisk *disk, const char *name, size_t *size)
{
    const struct sim_entry *entry = sim_find(&disk->names, 0, name);

    if (entry == NULL)
        return NULL;
    *size = disk->inodes[entry->inode].cache.size;
    return disk->inodes[entry->inode].cache.data;
}

void simdisk_put(struct simdisk *disk, const char *name, const void *data, size_t size)
{
    struct sim_name_op op = {.adds = data != NULL, .removes = data == NULL};
    struct sim_bytes bytes = {0};

    sim_write(&bytes, 0, data, size, 0);
    op.remove = op.add = sim_entry(0, name, 0);
    if (data != NULL) {
        op.add.inode = sim_new_inode(disk, false);
        disk->inodes[op.add.inode].cache = bytes;
        sim_copy(&disk->inodes[op.add.inode].durable, &bytes);
    }
    sim_name_apply(&disk->names, &op);
    sim_name_apply(&disk->durable, &op);
}
