/* Reading records on, for GetRecords and SubscribeToShard. */
#include <errno.h>
#include <stdlib.h>

#include "backend/base/base64.h"
#include "backend/endpoint/api_internal.h"

#define RECORD_TEXT_BYTES 192 /* of a record as JSON, besides key and data */
#define TRIES 5               /* retention may move on between asking for the horizon and reading there */

void api_reading_init(struct api_reading *reading)
{
    *reading = (struct api_reading){0};
    kfs_batch_init(&reading->batch);
}

void api_reading_release(struct api_reading *reading)
{
    kfs_batch_release(&reading->batch);
}

/* How far the reader is behind the newest record; 0 only where it has all. */
static uint64_t behind(const struct api_reading *r)
{
    if (r->next >= r->batch.tip)
        return 0;
    uint64_t at = r->batch.n > 0 ? r->batch.records[r->batch.n - 1].arrival_ms : 0;
    return r->extent.last_arrival_ms > at ? r->extent.last_arrival_ms - at : 1;
}

int api_read(struct api_stream *stream, uint32_t shard, uint64_t offset, const struct kfs_limit *limit,
             struct api_reading *r, struct kfs_error *err)
{
    struct kfs_reader *reader;
    int rc = kfs_reader_open(stream->stream, shard, &reader, err);

    if (rc != 0)
        return rc;
    for (int i = 0; i < TRIES; i++) {
        /* Asked before the read: a shard that was closed then has no records after its end. It also
         * applies retention, to the millisecond. */
        rc = kfs_shard_extent(stream->stream, shard, &r->extent, err);
        if (rc != 0)
            break;
        uint64_t from = offset > r->extent.start ? offset : r->extent.start;
        if (from > r->extent.end) /* what was there was lost with the power */
            from = r->extent.end;
        rc = kfs_read(reader, from, limit, &r->batch, err);
        if (rc != -ESTALE)
            break;
    }
    kfs_reader_close(reader);
    if (rc != 0)
        return rc;
    r->next = r->batch.next;
    r->ended = r->extent.closed && r->next >= r->extent.end;
    r->millis_behind = behind(r);
    return 0;
}

/* Growing a buffer of megabytes step by step would copy it, and touch, several times over. */
static void reserve_records(struct kfs_out *out, const struct kfs_batch *batch)
{
    size_t bytes = 0;

    for (size_t i = 0; i < batch->n; i++)
        bytes += RECORD_TEXT_BYTES + batch->records[i].key.len + kfs_base64_len(batch->records[i].data.len);
    kfs_out_reserve(out, bytes);
}

void api_out_records(struct kfs_out *out, const char *key, const struct kfs_batch *batch, bool kms)
{
    reserve_records(out, batch);
    kfs_out_list(out, key);
    for (size_t i = 0; i < batch->n; i++) {
        const struct kfs_record *record = &batch->records[i];
        kfs_out_map(out, NULL);
        api_out_seq(out, "SequenceNumber", &record->seq);
        kfs_out_time_ms(out, "ApproximateArrivalTimestamp", record->arrival_ms);
        kfs_out_blob(out, "Data", record->data);
        kfs_out_text(out, "PartitionKey", record->key);
        if (kms)
            kfs_out_string(out, "EncryptionType", "KMS");
        kfs_out_map_end(out);
    }
    kfs_out_list_end(out);
}
