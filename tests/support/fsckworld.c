#include "tests/support/fsckworld.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/aggregate.h"
#include "backend/local/local.h"

#define HOUR_MS UINT64_C(3600000)
#define BATCH 300

static void *need(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

/* ---- the store ---- */

static atomic_uint_fast64_t now_ms = UINT64_C(1700000000000); /* the keeper of an open store reads it */

static uint64_t wall_ms(void *ctx)
{
    (void)ctx;
    return now_ms;
}

static const struct kfs_clock fw_clock = {NULL, wall_ms, wall_ms};

static struct kfs_backend *open_store(struct simdisk *disk)
{
    const struct kfs_local_options options = {.sync_interval_ms = 3600000,
                                              .segment_bytes = 600,
                                              .region = "local",
                                              .account = "000000000000",
                                              .io = simdisk_io(disk),
                                              .clock = &fw_clock};
    struct kfs_backend *b;
    struct kfs_error err = {0};

    if (kfs_local_open("", &options, &b, &err) != 0)
        fail_msg("cannot open the store: %s", err.text);
    return b;
}

static struct kfs_stream *open_stream(struct kfs_backend *b)
{
    struct kfs_stream *stream;
    struct kfs_error err = {0};

    if (kfs_stream_open(b, "s", &stream, &err) != 0)
        fail_msg("cannot open the stream: %s", err.text);
    return stream;
}

static void append(struct kfs_stream *stream, uint32_t shard, size_t n, size_t len)
{
    static unsigned int counter;
    struct kfs_put puts[BATCH];
    char data[BATCH][400];
    char key[BATCH][24];

    for (size_t i = 0; i < n; i++, counter++) {
        (void)snprintf(data[i], sizeof data[i], "%05u", counter);
        for (size_t k = 5; k < len; k++)
            data[i][k] = (char)('a' + (counter + k) % 26);
        int key_len = snprintf(key[i], sizeof key[i], "key%u", counter);
        puts[i] = (struct kfs_put){.data = {data[i], len < 5 ? 5 : len}, .key = {key[i], (size_t)key_len}};
        if (counter % 3 == 0)
            puts[i].key.len = 0;
    }
    struct kfs_error err = {0};
    if (kfs_append(stream, shard, puts, n, NULL, &err) != 0)
        fail_msg("cannot append: %s", err.text);
}

static void append_ones(struct kfs_stream *stream, uint32_t shard, size_t n, size_t len)
{
    for (size_t i = 0; i < n; i++, now_ms += 7)
        append(stream, shard, 1, len + i);
}

static void create(struct kfs_backend *b, uint32_t shards)
{
    const struct kfs_stream_spec spec = {.shards = shards};

    assert_int_equal(kfs_stream_create(b, "s", &spec, NULL), 0);
}

static void close_store(struct kfs_backend *b, struct kfs_stream *stream)
{
    kfs_stream_close(stream);
    (void)kfs_backend_close(b);
}

struct simdisk *fw_build(void)
{
    struct simdisk *disk = simdisk_new();
    struct kfs_backend *b = open_store(disk);
    const struct kfs_stream_change longer = {.retention_hours = 48};

    create(b, FW_SHARDS);
    struct kfs_stream *stream = open_stream(b);
    append_ones(stream, 0, 8, 100);
    assert_int_equal(kfs_sync_wait(stream, KFS_NO_SHARD), 0);
    append_ones(stream, 0, 3, 40);
    now_ms += 25 * HOUR_MS;
    append_ones(stream, 0, 9, 60);
    append(stream, 0, BATCH, 6);
    append_ones(stream, 1, 4, 30);
    close_store(b, stream);
    b = open_store(disk);
    stream = open_stream(b);
    assert_int_equal(kfs_stream_update(stream, &longer, NULL), 0);
    append_ones(stream, 0, 6, 150);
    append_ones(stream, 1, 4, 300);
    assert_int_equal(kfs_sync_wait(stream, KFS_NO_SHARD), 0);
    append_ones(stream, 0, 2, 90);
    append(stream, 0, 3, 10);
    assert_int_equal(kfs_sync_wait(stream, KFS_NO_SHARD), 0);
    append_ones(stream, 0, FW_UNSYNCED, 20);
    struct simdisk *killed = simdisk_kill(disk);
    close_store(b, stream);
    simdisk_free(disk);
    return killed;
}

struct simdisk *fw_build_small(void)
{
    static const char text[] = "one\ntwo\n\nthree";
    struct simdisk *disk = simdisk_new();
    struct kfs_backend *b = open_store(disk);

    create(b, 1);
    struct kfs_stream *stream = open_stream(b);
    for (size_t i = 0; i < 6; i++) {
        const struct kfs_put put = {.data = {text, i * 2}, .key = {"k", 1}};
        assert_int_equal(kfs_append(stream, 0, &put, 1, NULL, NULL), 0);
    }
    close_store(b, stream);
    return disk;
}

static size_t make_aggregate(char *data, size_t message)
{
    memcpy(data, KFS_AGGREGATE_MAGIC, KFS_AGGREGATE_MAGIC_BYTES);
    memset(data + KFS_AGGREGATE_MAGIC_BYTES, '\n', message);
    kfs_md5(data + KFS_AGGREGATE_MAGIC_BYTES, message, (uint8_t *)data + KFS_AGGREGATE_MAGIC_BYTES + message);
    return KFS_AGGREGATE_FRAME_BYTES + message;
}

struct simdisk *fw_build_aggregates(void)
{
    struct simdisk *disk = simdisk_new();
    struct kfs_backend *b = open_store(disk);
    char data[100];
    struct kfs_put put = {.data = {data, 0}};

    create(b, 1);
    struct kfs_stream *stream = open_stream(b);
    append_ones(stream, 0, 8, 90);
    for (size_t message = 10; message < 12; message++) {
        put.data.len = make_aggregate(data, message);
        assert_int_equal(kfs_append(stream, 0, &put, 1, NULL, NULL), 0);
        append_ones(stream, 0, 8, 90);
    }
    close_store(b, stream);
    return disk;
}

/* ---- reading ---- */

static void add(struct fw_records *out, uint32_t shard, const struct kfs_record *r)
{
    if (out->n == out->cap) {
        out->cap = out->cap * 2 + 64;
        out->records = need(realloc(out->records, out->cap * sizeof *out->records));
    }
    struct fw_record *to = &out->records[out->n++];
    *to = (struct fw_record){shard, r->seq, r->arrival_ms, r->offset, NULL, r->data.len, NULL, r->key.len};
    to->data = need(malloc(r->data.len + 1));
    to->key = need(malloc(r->key.len + 1));
    memcpy(to->data, r->data.data, r->data.len);
    if (r->key.len > 0)
        memcpy(to->key, r->key.data, r->key.len);
}

/* The default view must be the records just read, each with its newline, up to where there may be aggregates. */
static int check_bytes(struct kfs_reader *reader, const struct fw_records *out, size_t first,
                       const struct kfs_extent *extent, struct kfs_error *err)
{
    uint64_t at = extent->start;

    for (size_t i = first; i < out->n && at < extent->aggregates_from; i++) {
        const struct fw_record *r = &out->records[i];
        char *bytes = need(malloc(r->len + 1));
        ssize_t n = kfs_read_bytes(reader, at, bytes, r->len + 1, err);
        if (n < 0) {
            free(bytes);
            return (int)n;
        }
        assert_int_equal(n, r->len + 1);
        assert_int_equal(r->offset, at);
        assert_memory_equal(bytes, r->data, r->len);
        assert_int_equal(bytes[r->len], '\n');
        free(bytes);
        at += (uint64_t)n;
    }
    return 0;
}

static int read_shard(struct kfs_stream *stream, uint32_t shard, struct fw_records *out, struct kfs_error *err)
{
    const struct kfs_limit limit = {40, 100000};
    struct kfs_extent extent;
    struct kfs_reader *reader;
    struct kfs_batch batch;
    size_t first = out->n;
    int rc = kfs_shard_extent(stream, shard, &extent, err);

    if (rc == 0)
        rc = kfs_reader_open(stream, shard, &reader, err);
    if (rc != 0)
        return rc;
    kfs_batch_init(&batch);
    for (uint64_t at = extent.start; rc == 0 && at < extent.end;) {
        rc = kfs_read(reader, at, &limit, &batch, err);
        for (size_t i = 0; rc == 0 && i < batch.n; i++)
            add(out, shard, &batch.records[i]);
        if (rc == 0)
            assert_true(batch.next > at);
        at = batch.next;
    }
    if (rc == 0)
        rc = check_bytes(reader, out, first, &extent, err);
    if (rc == 0)
        assert_int_equal(out->n - first, extent.next_record - extent.first_record);
    kfs_batch_release(&batch);
    kfs_reader_close(reader);
    return rc;
}

void fw_read(struct simdisk *disk, struct fw_records *out)
{
    struct kfs_backend *b = open_store(disk);
    struct kfs_shard_info *shards = NULL;
    struct kfs_stream *stream;
    struct kfs_error err = {0};
    size_t n = 0;

    *out = (struct fw_records){0};
    out->error = kfs_stream_open(b, "s", &stream, &err);
    if (out->error == 0) {
        assert_int_equal(kfs_shard_list(stream, &shards, &n, &err), 0);
        for (size_t i = 0; out->error == 0 && i < n; i++)
            out->error = read_shard(stream, shards[i].index, out, &err);
        free(shards);
        kfs_stream_close(stream);
    }
    (void)snprintf(out->text, sizeof out->text, "%s", err.text);
    (void)kfs_backend_close(b);
}

void fw_free(struct fw_records *records)
{
    for (size_t i = 0; i < records->n; i++) {
        free(records->records[i].data);
        free(records->records[i].key);
    }
    free(records->records);
    *records = (struct fw_records){0};
}

void fw_split(struct simdisk *disk, uint32_t shard)
{
    struct kfs_backend *b = open_store(disk);
    struct kfs_stream *stream = open_stream(b);
    struct kfs_shard_info info;

    assert_int_equal(kfs_shard_info(stream, shard, &info, NULL), 0);
    assert_int_equal(kfs_shard_split(stream, shard, info.range.start + (info.range.end - info.range.start) / 2, NULL),
                     0);
    append_ones(stream, FW_SHARDS, 1, 10);
    append_ones(stream, FW_SHARDS + 1, 1, 10);
    close_store(b, stream);
}

void fw_append(struct simdisk *disk, const struct kfs_seq *above)
{
    static const struct kfs_put put = {.data = {"more", 4}, .key = {"k", 1}};
    struct kfs_backend *b = open_store(disk);
    struct kfs_stream *stream = open_stream(b);
    struct kfs_shard_info *shards = NULL;
    struct kfs_put_result result;
    struct kfs_error err = {0};
    size_t n = 0;

    assert_int_equal(kfs_shard_list(stream, &shards, &n, &err), 0);
    for (size_t i = 0; i < n; i++) {
        if (kfs_append(stream, shards[i].index, &put, 1, &result, &err) != 0)
            fail_msg("cannot append after a repair: %s", err.text);
        if (shards[i].index == 0)
            assert_true(kfs_seq_cmp(&result.seq, above) > 0);
    }
    free(shards);
    assert_int_equal(kfs_sync_wait(stream, KFS_NO_SHARD), 0);
    close_store(b, stream);
}

/* ---- fsck ---- */

static void note(void *arg, const struct kfs_fsck_report *r)
{
    struct fw_fsck *f = arg;
    size_t len = strlen(f->log);

    (void)snprintf(f->log + len, sizeof f->log - len, "    %s/%s: %s\n", r->stream, r->shard, r->text);
    if (r->finding == NULL || r->finding->kind == KFS_FINDING_NOTE)
        return;
    f->findings++;
    if (r->finding->kind != KFS_FINDING_LOSS)
        return;
    uint32_t shard = strstr(r->shard, "1") != NULL ? 1U : 0U;
    if (strstr(r->text, "made again from the lines") != NULL) {
        f->renumbered = true;
        assert_true(f->n_framed < sizeof f->framed / sizeof f->framed[0]);
        f->framed[f->n_framed++] = (struct fw_range){.shard = shard, .from = strtoull(r->text, NULL, 10)};
    } else if (r->finding->to == r->finding->from) {
        f->lost_unknown = true;
    }
    if (r->finding->to > r->finding->from && f->n_lost < FW_RANGES)
        f->lost[f->n_lost++] = (struct fw_range){shard, r->finding->from, r->finding->to};
}

void fw_fsck(struct simdisk *disk, enum kfs_fsck_mode mode, struct fw_fsck *out)
{
    const struct kfs_fsck_options options = {
        .io = simdisk_io(disk), .clock = &fw_clock, .mode = mode, .report = note, .arg = out};

    *out = (struct fw_fsck){0};
    out->status = kfs_fsck("", &options, &out->totals);
    assert_int_equal(simdisk_open_files(disk), 0);
}
