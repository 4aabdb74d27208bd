#include "backend/base/record.h"

#include <errno.h>
#include <stdlib.h>

/* The storage of a full batch: 10,000 records, 10 MiB of data and one record beyond, and their keys. */
#define STORAGE_MAX ((size_t)32 << 20)
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
    const char *old = batch->storage.data;
    /* One byte more, so that views of nothing point somewhere too. */
    int rc = kfs_buf_reserve(&batch->storage, bytes + 1);

    if (rc != 0)
        return -ENOMEM;
    if (batch->storage.data == old)
        return 0;
    for (size_t i = 0, at = 0; i < batch->n; i++) {
        struct kfs_record *r = &batch->records[i];
        r->key.data = batch->storage.data + at;
        r->data.data = batch->storage.data + at + r->key.len;
        at += r->key.len + r->data.len;
    }
    return 0;
}

int kfs_batch_add(struct kfs_batch *batch, const struct kfs_record *record)
{
    if (batch->n == batch->cap && grow_records(batch) != 0)
        return -ENOMEM;
    if (make_room(batch, record->key.len + record->data.len) != 0)
        return -ENOMEM;

    struct kfs_record *r = &batch->records[batch->n++];
    *r = *record;
    r->key.data = batch->storage.data + batch->storage.len;
    (void)kfs_buf_append(&batch->storage, record->key.data, record->key.len);
    r->data.data = batch->storage.data + batch->storage.len;
    (void)kfs_buf_append(&batch->storage, record->data.data, record->data.len);
    return 0;
}
