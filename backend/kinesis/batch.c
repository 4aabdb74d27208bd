#include "backend/kinesis/batch.h"

#include <errno.h>
#include <string.h>

#include "backend/base/base64.h"
#include "backend/base/json_text.h"
#include "backend/kinesis/client.h"

void remote_batch_init(struct remote_batch *batch)
{
    *batch = (struct remote_batch){.n = 0};
    kfs_buf_init(&batch->body, KFS_CALL_BODY_MAX);
}

void remote_batch_release(struct remote_batch *batch)
{
    kfs_buf_release(&batch->body);
    remote_batch_init(batch);
}

int remote_batch_begin(struct remote_batch *batch, const char *stream)
{
    batch->body.len = 0;
    batch->n = 0;
    batch->bytes = 0;
    batch->ended = false;
    batch->key_len = 0; /* no key is */
    return kfs_buf_printf(&batch->body, "{\"StreamName\":\"%s\",\"Records\":[", stream);
}

static int add_data(struct kfs_buf *body, struct kfs_bytes data)
{
    size_t len = kfs_base64_len(data.len);
    int rc = kfs_buf_append(body, "{\"Data\":\"", 9);

    if (rc == 0)
        rc = kfs_buf_reserve(body, len);
    if (rc != 0)
        return rc;
    kfs_base64_encode(data.data, data.len, body->data + body->len);
    body->len += len;
    return 0;
}

static int add_key(struct kfs_buf *body, struct kfs_bytes key)
{
    struct kfs_json_shape shape = kfs_json_measure(key);
    int rc = kfs_buf_append(body, "\",\"PartitionKey\":\"", 18);

    if (rc == 0)
        rc = kfs_buf_reserve(body, shape.size + 1);
    if (rc != 0)
        return rc;
    (void)kfs_json_put(body->data + body->len, key, &shape);
    body->len += shape.size;
    return kfs_buf_append(body, "\"", 1);
}

/* What follows the data: the end of its string, the key, and the end of the record. */
static int make_tail(struct kfs_buf *body, struct kfs_bytes key, const struct kfs_hash_range *range)
{
    char digits[KFS_HASH_DIGITS_MAX + 1];
    int rc = add_key(body, key);

    if (rc == 0 && !kfs_hash_in(range, kfs_hash_of_key(key.data, key.len))) {
        (void)kfs_hash_print(range->start, digits);
        rc = kfs_buf_printf(body, ",\"ExplicitHashKey\":\"%s\"", digits);
    }
    return rc == 0 ? kfs_buf_append(body, "}", 1) : rc;
}

static int add_tail(struct remote_batch *batch, struct kfs_bytes key, const struct kfs_hash_range *range)
{
    struct kfs_buf *body = &batch->body;
    size_t at = body->len;
    int rc;

    if (key.len == batch->key_len && memcmp(key.data, batch->key, key.len) == 0) {
        rc = kfs_buf_reserve(body, batch->tail_len);
        return rc == 0 ? kfs_buf_append(body, body->data + batch->tail_at, batch->tail_len) : rc;
    }
    rc = make_tail(body, key, range);
    if (rc != 0 || key.len > sizeof batch->key)
        return rc;
    memcpy(batch->key, key.data, key.len);
    batch->key_len = key.len;
    batch->tail_at = at;
    batch->tail_len = body->len - at;
    return 0;
}

int remote_batch_add(struct remote_batch *batch, const struct kfs_record *record, const char *shard_id,
                     const struct kfs_hash_range *range)
{
    struct kfs_bytes key = record->key.len > 0 ? record->key : (struct kfs_bytes){shard_id, strlen(shard_id)};
    size_t before = batch->body.len;
    int rc = batch->n == REMOTE_BATCH_RECORDS ? -EMSGSIZE : 0;

    if (rc == 0 && batch->n > 0)
        rc = kfs_buf_append(&batch->body, ",", 1);
    if (rc == 0)
        rc = add_data(&batch->body, record->data);
    if (rc == 0)
        rc = add_tail(batch, key, range);
    if (rc != 0) {
        batch->body.len = before;
        return rc;
    }
    batch->offsets[batch->n++] = record->offset;
    batch->bytes += record->data.len + key.len;
    return 0;
}

int remote_batch_end(struct remote_batch *batch)
{
    int rc = kfs_buf_append(&batch->body, "]}", 2);

    if (rc != 0)
        return rc;
    kfs_sha256(&(struct kfs_bytes){batch->body.data, batch->body.len}, 1, batch->digest);
    batch->ended = true;
    return 0;
}
