/* The checked wrappers of backend.c and batches, against a backend that is a
 * stub. Needs no subject; it runs with each because it costs nothing. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "tests/support/contract_case.h"

struct stub {
    struct kfs_backend base;
    struct kfs_stream stream;
    struct kfs_reader reader;
    int rc;
    struct kfs_stream_spec spec;
    uint32_t target;
    struct kfs_limit limit;
    struct kfs_sync *op;
};

static struct stub *stub_of(const struct kfs_stream *s)
{
    return (struct stub *)s->backend;
}

static int stub_create(struct kfs_backend *b, const char *name, const struct kfs_stream_spec *spec,
                       struct kfs_error *err)
{
    (void)name;
    (void)err;
    ((struct stub *)b)->spec = *spec;
    return ((struct stub *)b)->rc;
}

static int stub_resize(struct kfs_stream *s, uint32_t target, struct kfs_error *err)
{
    (void)err;
    stub_of(s)->target = target;
    return stub_of(s)->rc;
}

/* Spoils its output although it fails. */
static int stub_info(struct kfs_stream *s, struct kfs_stream_info *info, struct kfs_error *err)
{
    (void)err;
    memset(info, 0x55, sizeof *info);
    return stub_of(s)->rc;
}

static int stub_extent(struct kfs_stream *s, uint32_t shard, struct kfs_extent *extent, struct kfs_error *err)
{
    (void)shard;
    *extent = (struct kfs_extent){.start = 5, .end = 5};
    return stub_of(s)->rc < 0 ? kfs_fail(err, -stub_of(s)->rc, "because") : 0;
}

static int stub_read(struct kfs_reader *r, uint64_t offset, const struct kfs_limit *limit, struct kfs_batch *batch,
                     struct kfs_error *err)
{
    struct kfs_record record = {.offset = offset, .data = bytes_of("data"), .key = bytes_of("key")};

    (void)err;
    stub_of(r->stream)->limit = *limit;
    batch->next = offset + 5;
    batch->tip = offset + 5;
    if (kfs_batch_add(batch, &record) != 0)
        return -ENOMEM;
    return stub_of(r->stream)->rc;
}

/* Stores the first record, refuses the second, and says nothing of the third and fourth. */
static int stub_append(struct kfs_stream *s, uint32_t shard, const struct kfs_put *puts, size_t n,
                       struct kfs_put_result *results, struct kfs_error *err)
{
    (void)puts;
    (void)err;
    if (n == 4 && results != NULL) {
        results[0] = (struct kfs_put_result){.shard = shard, .seq = {{1}}};
        results[1].error = -EMSGSIZE;
    }
    return stub_of(s)->rc;
}

static void *finish_later(void *arg)
{
    struct stub *stub = arg;
    struct timespec pause = {0, 5000000};

    (void)nanosleep(&pause, NULL);
    stub->op->done(stub->op, stub->rc);
    return NULL;
}

static void stub_sync(struct kfs_stream *s, uint32_t shard, struct kfs_sync *op)
{
    pthread_t thread;

    (void)shard;
    stub_of(s)->op = op;
    if (pthread_create(&thread, NULL, finish_later, stub_of(s)) == 0)
        pthread_detach(thread);
}

static void stub_init(struct stub *stub)
{
    static const struct kfs_backend_ops ops = {
        .name = "stub",
        .stream_create = stub_create,
        .stream_resize = stub_resize,
        .stream_info = stub_info,
        .shard_extent = stub_extent,
        .append = stub_append,
        .read = stub_read,
        .sync = stub_sync,
    };

    *stub = (struct stub){.base = {.ops = &ops}};
    stub->stream.backend = &stub->base;
    stub->reader.stream = &stub->stream;
}

static void specs_are_completed(void **state)
{
    struct stub stub;
    struct kfs_stream_spec spec = {.shards = KFS_SHARDS_MAX};

    (void)state;
    stub_init(&stub);
    assert_int_equal(kfs_stream_create(&stub.base, "s", &spec, NULL), 0);
    assert_int_equal(stub.spec.shards, KFS_SHARDS_MAX);
    assert_int_equal(stub.spec.retention_hours, 24);
    assert_int_equal(stub.spec.max_record_bytes, KFS_RECORD_BYTES_DEFAULT);
    assert_int_equal(kfs_stream_resize(&stub.stream, KFS_SHARDS_MAX, NULL), 0);
    assert_int_equal(stub.target, KFS_SHARDS_MAX);
}

static void errors_without_text_get_one(void **state)
{
    struct stub stub;
    struct kfs_error err = {.code = ENOSPC, .text = "old", .aws_code = "Old"};
    struct kfs_extent extent;

    (void)state;
    stub_init(&stub);
    stub.rc = -EACCES;
    assert_int_equal(kfs_stream_resize(&stub.stream, 1, &err), -EACCES);
    assert_int_equal(err.code, EACCES);
    assert_string_equal(err.text, strerror(EACCES));
    assert_string_equal(err.aws_code, "");
    assert_int_equal(kfs_shard_extent(&stub.stream, 0, &extent, &err), -EACCES);
    assert_string_equal(err.text, "because");
    stub.rc = 0;
    assert_int_equal(kfs_shard_extent(&stub.stream, 0, &(struct kfs_extent){0}, NULL), 0);
    assert_int_equal(kfs_stream_resize(&stub.stream, 1, &err), 0);
    assert_int_equal(err.code, 0);
}

static void failures_leave_outputs_alone(void **state)
{
    struct stub stub;
    struct kfs_stream_info info = {.name = "mine"};
    struct kfs_extent extent = {.start = 77};
    struct kfs_limit limit = {1, 1};
    struct kfs_batch batch;

    (void)state;
    stub_init(&stub);
    kfs_batch_init(&batch);
    stub.rc = -EIO;
    assert_int_equal(kfs_stream_info(&stub.stream, &info, NULL), -EIO);
    assert_string_equal(info.name, "mine");
    assert_int_equal(kfs_shard_extent(&stub.stream, 0, &extent, NULL), -EIO);
    assert_int_equal(extent.start, 77);
    assert_int_equal(kfs_read(&stub.reader, 0, &limit, &batch, NULL), -EIO);
    assert_int_equal(batch.n, 0);
    kfs_batch_release(&batch);
}

static void results_say_what_was_not_stored(void **state)
{
    struct stub stub;
    struct kfs_put puts[4] = {put_of("a", "k"), put_of("b", "k"), put_of("c", "k"), put_of("d", "k")};
    static const int errors[] = {0, -EMSGSIZE, -ECANCELED, -ECANCELED};
    struct kfs_put_result results[4];

    (void)state;
    stub_init(&stub);
    stub.rc = -EMSGSIZE;
    memset(results, 0x55, sizeof results);
    assert_int_equal(kfs_append(&stub.stream, KFS_NO_SHARD, puts, 4, results, NULL), -EMSGSIZE);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(results[i].error, errors[i]);
    stub.rc = -EIO;
    memset(results, 0x55, sizeof results);
    assert_int_equal(kfs_append(&stub.stream, 7, puts, 3, results, NULL), -EIO);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(results[i].error, -EIO);
        assert_int_equal(results[i].shard, 7);
    }
    assert_int_equal(kfs_append(&stub.stream, 7, puts, 3, NULL, NULL), -EIO);
}

/* So that an answer fits the batch whatever a front end asks for. */
static void read_limits_are_capped(void **state)
{
    struct stub stub;
    struct kfs_limit limit = {10000, SIZE_MAX};
    struct kfs_batch batch;

    (void)state;
    stub_init(&stub);
    kfs_batch_init(&batch);
    assert_int_equal(kfs_read(&stub.reader, 0, &limit, &batch, NULL), 0);
    assert_int_equal(stub.limit.records, 10000);
    assert_int_equal(stub.limit.bytes, KFS_RECORD_BYTES_MAX);
    assert_int_equal(kfs_read(&stub.reader, 5, &(struct kfs_limit){1, 7}, &batch, NULL), 0);
    assert_int_equal(stub.limit.bytes, 7);
    assert_int_equal(batch.n, 1);
    kfs_batch_release(&batch);
}

static void sync_wait_waits(void **state)
{
    struct stub stub;

    (void)state;
    stub_init(&stub);
    assert_int_equal(kfs_sync_wait(&stub.stream, 0), 0);
    stub.rc = -EIO;
    assert_int_equal(kfs_sync_wait(&stub.stream, KFS_NO_SHARD), -EIO);
}

/* Growing moves the storage; the records already there must follow. */
static void batches_grow_and_are_reused(void **state)
{
    struct kfs_batch batch;

    (void)state;
    kfs_batch_init(&batch);
    for (int round = 0; round < 3; round++) {
        uint64_t seed = 9;
        unsigned char data[300];
        kfs_batch_clear(&batch);
        assert_int_equal(batch.n, 0);
        for (size_t i = 0; i < 500; i++) {
            struct kfs_record record = {.offset = i, .data = {data, random_below(&seed, sizeof data)}};
            memset(data, (int)(i % 256), sizeof data);
            record.key = (struct kfs_bytes){data, i % 2};
            assert_int_equal(kfs_batch_add(&batch, &record), 0);
        }
        assert_int_equal(batch.n, 500);
        for (size_t i = 0; i < batch.n; i++) {
            const struct kfs_record *r = &batch.records[i];
            memset(data, (int)(i % 256), sizeof data);
            assert_int_equal(r->offset, i);
            assert_int_equal(r->key.len, i % 2);
            assert_bytes(r->data, (struct kfs_bytes){data, r->data.len});
        }
    }
    kfs_batch_release(&batch);
    assert_null(batch.records);
    kfs_batch_release(&batch);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(specs_are_completed),          cmocka_unit_test(errors_without_text_get_one),
    cmocka_unit_test(failures_leave_outputs_alone), cmocka_unit_test(results_say_what_was_not_stored),
    cmocka_unit_test(read_limits_are_capped),       cmocka_unit_test(sync_wait_waits),
    cmocka_unit_test(batches_grow_and_are_reused),
};

CONTRACT_GROUP(contract_wrappers, tests);
