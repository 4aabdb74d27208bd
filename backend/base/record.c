#include "backend/base/record.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The storage of a full batch: 10,000 records, 10 MiB of data and one record beyond, their keys, and as much again of
 * data that was read with others and could not be used. */
#define STORAGE_MAX ((size_t)64 << 20)
#define FIRST_CAP 64

void kfs_batch_init(struct kfs_batch *batch)
{
    *batch = (struct kfs_batch){0};
    kfs_buf_init(&batch->storage, STORAGE_MAX);
}

void kfs_batch_release(struct kfs_batch *batch)
{
    free(batch->records);
    kfs_buf_release(&batch->storage);
    kfs_batch_init(batch);
}

void kfs_batch_clear(struct kfs_batch *batch)
{
    batch->n = 0;
    batch->storage.len = 0;
}

static int grow_records(struct kfs_batch *batch)
{
    size_t cap = batch->cap == 0 ? FIRST_CAP : batch->cap * 2;
    struct kfs_record *records = realloc(batch->records, cap * sizeof *records);

    if (records == NULL)
        return -ENOMEM;
    batch->records = records;
    batch->cap = cap;
    return 0;
}

/* Growing the storage moves it, so records are pointed into the new place. */
static int make_room(struct kfs_batch *batch, size_t bytes)
{
    const uintptr_t old = (uintptr_t)batch->storage.data;
    /* One byte more, so that views of nothing point somewhere too. */
    int rc = kfs_buf_reserve(&batch->storage, bytes + 1);

    if (rc != 0)
        return -ENOMEM;
    if ((uintptr_t)batch->storage.data == old)
        return 0;
    for (size_t i = 0; i < batch->n; i++) {
        struct kfs_record *r = &batch->records[i];
        r->key.data = batch->storage.data + ((uintptr_t)r->key.data - old);
        r->data.data = batch->storage.data + ((uintptr_t)r->data.data - old);
    }
    return 0;
}

int kfs_batch_reserve(struct kfs_batch *batch, size_t bytes)
{
    return make_room(batch, bytes);
}

/* Where bytes lie in the storage, behind it (its len) after they were copied. There is room. */
static size_t put(struct kfs_buf *storage, struct kfs_bytes bytes)
{
    const size_t at = storage->len;

    if (bytes.len > 0)
        memcpy(storage->data + at, bytes.data, bytes.len);
    storage->len += bytes.len;
    return at;
}

static bool same_key(const struct kfs_batch *batch, struct kfs_bytes key)
{
    const struct kfs_bytes *last = &batch->records[batch->n - 1].key;

    return last->len == key.len && (key.len == 0 || memcmp(last->data, key.data, key.len) == 0);
}

struct kfs_record *kfs_batch_room(struct kfs_batch *batch)
{
    if (batch->n == batch->cap && grow_records(batch) != 0)
        return NULL;
    return &batch->records[batch->n];
}

int kfs_batch_keep(struct kfs_batch *batch)
{
    struct kfs_buf *storage = &batch->storage;
    struct kfs_record *r = &batch->records[batch->n];
    const uintptr_t offset = (uintptr_t)r->data.data - (uintptr_t)storage->data;
    const bool inside = storage->len > 0 && r->data.len > 0 && offset < storage->len;
    /* Records of one writer mostly have one key. */
    const bool again = batch->n > 0 && same_key(batch, r->key);
    const size_t need = (inside ? 0 : r->data.len) + (again ? 0 : r->key.len);

    if (storage->cap - storage->len <= need && make_room(batch, need) != 0)
        return -ENOMEM;
    r->key.data = again ? r[-1].key.data : storage->data + put(storage, r->key);
    r->data.data = storage->data + (inside ? offset : put(storage, r->data));
    batch->n++;
    return 0;
}

int kfs_batch_add(struct kfs_batch *batch, const struct kfs_record *record)
{
    struct kfs_record *r = kfs_batch_room(batch);

    if (r == NULL)
        return -ENOMEM;
    *r = *record;
    return kfs_batch_keep(batch);
}
