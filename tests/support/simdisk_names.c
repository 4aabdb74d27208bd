/* The simulated disk's memory: bytes, inodes and names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/simdisk_internal.h"

void *sim_alloc(void *old, size_t size)
{
    void *data = realloc(old, size > 0 ? size : 1);

    if (data == NULL) {
        (void)fprintf(stderr, "simdisk: out of memory\n");
        abort();
    }
    return data;
}

void sim_resize(struct sim_bytes *bytes, size_t size, uint8_t fill)
{
    if (size > bytes->size) {
        bytes->data = sim_alloc(bytes->data, size);
        memset(bytes->data + bytes->size, fill, size - bytes->size);
    }
    bytes->size = size;
}

void sim_write(struct sim_bytes *bytes, uint64_t at, const void *data, size_t len, uint8_t fill)
{
    if (len == 0)
        return;
    if (at + len > bytes->size)
        sim_resize(bytes, (size_t)at + len, fill);
    memcpy(bytes->data + at, data, len);
}

void sim_copy(struct sim_bytes *to, const struct sim_bytes *from)
{
    to->data = sim_alloc(to->data, from->size);
    if (from->size > 0)
        memcpy(to->data, from->data, from->size);
    to->size = from->size;
}

size_t sim_new_inode(struct simdisk *disk, bool is_dir)
{
    disk->inodes = sim_alloc(disk->inodes, (disk->n_inodes + 1) * sizeof *disk->inodes);
    disk->inodes[disk->n_inodes] = (struct sim_inode){.is_dir = is_dir};
    return disk->n_inodes++;
}

void sim_drop_ops(struct sim_inode *inode)
{
    for (size_t i = 0; i < inode->n_ops; i++)
        free(inode->ops[i].bytes.data);
    free(inode->ops);
    inode->ops = NULL;
    inode->n_ops = 0;
}

struct sim_entry sim_entry(size_t dir, const char *name, size_t inode)
{
    struct sim_entry entry = {.dir = dir, .inode = inode};

    if ((size_t)snprintf(entry.name, sizeof entry.name, "%s", name) >= sizeof entry.name)
        abort();
    return entry;
}

struct sim_entry *sim_find(const struct sim_names *names, size_t dir, const char *name)
{
    for (size_t i = 0; i < names->n; i++) {
        if (names->entries[i].dir == dir && strcmp(names->entries[i].name, name) == 0)
            return &names->entries[i];
    }
    return NULL;
}

static void name_remove(struct sim_names *names, size_t dir, const char *name)
{
    struct sim_entry *entry = sim_find(names, dir, name);

    if (entry != NULL)
        *entry = names->entries[--names->n];
}

static void name_add(struct sim_names *names, const struct sim_entry *entry)
{
    name_remove(names, entry->dir, entry->name);
    names->entries = sim_alloc(names->entries, (names->n + 1) * sizeof *names->entries);
    names->entries[names->n++] = *entry;
}

void sim_name_apply(struct sim_names *names, const struct sim_name_op *op)
{
    if (op->removes)
        name_remove(names, op->remove.dir, op->remove.name);
    if (op->adds)
        name_add(names, &op->add);
}

uint64_t simdisk_random(uint64_t *state, uint64_t n)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % n;
}
