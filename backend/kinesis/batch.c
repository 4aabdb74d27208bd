#include "backend/kinesis/batch.h"

#include <errno.h>
#include <string.h>

#include "backend/base/base64.h"
#include "backend/base/json_text.h"

void remote_batch_init(struct remote_batch *batch, struct kfs_buf *body)
{
    batch->body = body;
    batch->n = 0;
    batch->bytes = 0;
}

int remote_batch_begin(struct remote_batch *batch, const char *stream)
{
    batch->body->len = 0;
    batch->n = 0;
    batch->bytes = 0;
    return kfs_buf_printf(batch->body, "{\"StreamName\":\"%s\",\"Records\":[", stream);
}

static int add_data(struct kfs_buf *body, struct kfs_bytes data)
{
    size_t len = kfs_base64_len(data.len);
    int rc = kfs_buf_append(body, "{\"Data\":\"", 9);

    if (rc == 0)
        rc = kfs_buf_reserve(body, len + 1);
    if (rc != 0)
        return rc;
    kfs_base64_encode(data.data, data.len, body->data + body->len);
    body->len += len;
    return kfs_buf_append(body, "\",\"PartitionKey\":\"", 18);
}

static int add_key(struct kfs_buf *body, struct kfs_bytes key)
{
    struct kfs_json_shape shape = kfs_json_measure(key);
    int rc = kfs_buf_reserve(body, shape.size + 1);

    if (rc != 0)
        return rc;
    (void)kfs_json_put(body->data + body->len, key, &shape);
    body->len += shape.size;
    return kfs_buf_append(body, "\"", 1);
}

int remote_batch_add(struct remote_batch *batch, const struct kfs_record *record, const char *shard_id,
                     const struct kfs_hash_range *range)
{
    struct kfs_bytes key = record->key.len > 0 ? record->key : (struct kfs_bytes){shard_id, strlen(shard_id)};
    size_t before = batch->body->len;
    char digits[KFS_HASH_DIGITS_MAX + 1];
    int rc = batch->n == REMOTE_BATCH_RECORDS ? -EMSGSIZE : 0;

    if (rc == 0 && batch->n > 0)
        rc = kfs_buf_append(batch->body, ",", 1);
    if (rc == 0)
        rc = add_data(batch->body, record->data);
    if (rc == 0)
        rc = add_key(batch->body, key);
    if (rc == 0 && !kfs_hash_in(range, kfs_hash_of_key(key.data, key.len))) {
        (void)kfs_hash_print(range->start, digits);
        rc = kfs_buf_printf(batch->body, ",\"ExplicitHashKey\":\"%s\"", digits);
    }
    if (rc == 0)
        rc = kfs_buf_append(batch->body, "}", 1);
    if (rc != 0) {
        batch->body->len = before;
        return rc;
    }
    batch->sent[batch->n++] =
        (struct remote_sent){.offset = record->offset, .end = record->offset + record->data.len + 1};
    batch->bytes += record->data.len + key.len;
    return 0;
}

int remote_batch_end(struct remote_batch *batch)
{
    return kfs_buf_append(batch->body, "]}", 2);
}
