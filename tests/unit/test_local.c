/* The local backend on a simulated disk: what crashes and failures leave of a stream,
 * stream files that say what cannot be, and how many logs are open. */
#include "backend/local/local.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "backend/base/logger.h"
#include "backend/local/local_internal.h"
#include "tests/support/simdisk.h"

#define SHARDS 600
#define OPEN_LOGS_MAX 512

/* Read by the backend's threads. */
static atomic_uint_fast64_t mono_ms = 1000;
static atomic_uint logs_opened;

static uint64_t wall(void *ctx)
{
    (void)ctx;
    return UINT64_C(1700000000000);
}

static uint64_t mono(void *ctx)
{
    (void)ctx;
    return atomic_load(&mono_ms);
}

static const struct kfs_clock fake_clock = {NULL, wall, mono};

static struct kfs_backend *open_store(const struct kfs_io *io)
{
    const struct kfs_local_options options = {
        .sync_interval_ms = 10,
        .segment_bytes = 65536,
        .region = "local",
        .account = "000000000000",
        .io = io,
        .clock = &fake_clock,
    };
    struct kfs_backend *b;

    assert_int_equal(kfs_local_open("", &options, &b, NULL), 0);
    return b;
}

static int create(struct kfs_backend *b, const char *name, uint32_t shards)
{
    const struct kfs_stream_spec spec = {.shards = shards};

    return kfs_stream_create(b, name, &spec, NULL);
}

static int count(void *arg, const char *name)
{
    (void)name;
    ++*(int *)arg;
    return 0;
}

static int count_streams(struct kfs_backend *b)
{
    int n = 0;

    assert_int_equal(kfs_stream_list(b, count, &n, NULL), 0);
    return n;
}

/* streams/NAME, made where it is missing; a descriptor. */
static int stream_dir(const struct kfs_io *io, struct simdisk *disk, const char *name)
{
    int root = simdisk_root(disk);
    int streams = io->open(io->ctx, root, "streams", KFS_OPEN_DIR);

    assert_true(streams >= 0);
    (void)io->mkdir(io->ctx, streams, name);
    int dir = io->open(io->ctx, streams, name, KFS_OPEN_DIR);
    assert_true(dir >= 0);
    io->close(io->ctx, streams);
    io->close(io->ctx, root);
    return dir;
}

static void write_stream_file(struct simdisk *disk, const char *name, const char *text)
{
    const struct kfs_io *io = simdisk_io(disk);
    int dir = stream_dir(io, disk, name);

    assert_int_equal(kfs_io_replace(io, dir, "stream", text, strlen(text)), 0);
    io->close(io->ctx, dir);
}

static void expect_stream_file(struct simdisk *disk, const char *name, const char *text)
{
    const struct kfs_io *io = simdisk_io(disk);
    int dir = stream_dir(io, disk, name);
    struct kfs_buf buf;

    kfs_buf_init(&buf, 10000);
    assert_int_equal(kfs_io_read_file(io, dir, "stream", &buf), 0);
    assert_int_equal(buf.len, strlen(text));
    assert_memory_equal(buf.data, text, buf.len);
    kfs_buf_release(&buf);
    io->close(io->ctx, dir);
}

/* ---- */

static void a_directory_without_a_stream_file_is_used_again(void **state)
{
    struct simdisk *disk = simdisk_new();
    const struct kfs_io *io = simdisk_io(disk);

    (void)state;
    assert_int_equal(kfs_backend_close(open_store(io)), 0);
    struct local_manifest m;
    int dir = stream_dir(io, disk, "left");
    memset(&m, 0xff, sizeof m);
    assert_int_equal(local_manifest_load(io, dir, &m, NULL), -ENOENT);
    assert_null(m.topology.shards);
    io->close(io->ctx, dir);
    struct kfs_backend *b = open_store(io);
    assert_int_equal(count_streams(b), 0);
    assert_int_equal(create(b, "left", 1), 0);
    assert_int_equal(kfs_backend_close(b), 0);
    b = open_store(io);
    assert_int_equal(count_streams(b), 1);
    assert_int_equal(kfs_backend_close(b), 0);
    simdisk_free(disk);
}

/* The epoch is lost with it: sequence numbers would be given twice. */
static void a_store_that_lost_its_file_is_not_opened(void **state)
{
    struct simdisk *disk = simdisk_new();
    struct kfs_local_options options = {.io = simdisk_io(disk), .clock = &kfs_system_clock};
    struct kfs_backend *b = NULL;
    struct kfs_error err;

    (void)state;
    assert_int_equal(kfs_backend_close(open_store(simdisk_io(disk))), 0);
    simdisk_put(disk, "store", NULL, 0);
    assert_int_equal(kfs_local_open("", &options, &b, &err), -EIO);
    assert_non_null(strstr(err.text, "fsck.kinesisfs"));
    assert_null(b);
    simdisk_free(disk);
}

/* Its shards are there: a new stream of that name would take them over. */
static void a_stream_that_cannot_be_loaded_is_not_replaced(void **state)
{
    static const char broken[] = "{\"format\":1,\"name\":\"clicks\",";
    static const char other[] =
        "{\"format\":1,\"name\":\"clicks\",\"generation\":3,\"created_ms\":1,\"retention_hours\":24,"
        "\"max_record_bytes\":1024,\"next_shard\":1,\"shards\":[{\"index\":0,\"start\":\"0\","
        "\"end\":\"340282366920938463463374607431768211455\",\"starting\":\"1\",\"created_ms\":1}]}";
    struct simdisk *disk = simdisk_new();

    (void)state;
    assert_int_equal(kfs_backend_close(open_store(simdisk_io(disk))), 0);
    write_stream_file(disk, "clicks", broken);
    struct kfs_backend *b = open_store(simdisk_io(disk));
    assert_int_equal(count_streams(b), 0);
    assert_int_equal(create(b, "clicks", 1), -EIO);
    expect_stream_file(disk, "clicks", broken);
    write_stream_file(disk, "clicks", other); /* as one that a full table of files had hidden */
    assert_int_equal(create(b, "clicks", 1), -EIO);
    expect_stream_file(disk, "clicks", other);
    assert_int_equal(kfs_backend_close(b), 0);
    simdisk_free(disk);
}

/* The bytes of the stream's note "made". */
static size_t note_size(struct kfs_backend *b, const char *name)
{
    struct kfs_stream *s;
    struct kfs_buf buf;

    kfs_buf_init(&buf, KFS_NOTE_BYTES_MAX);
    assert_int_equal(kfs_stream_open(b, name, &s, NULL), 0);
    assert_int_equal(kfs_note_get(b, s, "made", &buf, NULL), 0);
    size_t size = buf.len;
    kfs_buf_release(&buf);
    kfs_stream_close(s);
    return size;
}

/* Whatever a creation fails at, it can be tried again; a note is there only of the one that succeeded. */
static void a_creation_that_failed_can_be_repeated(void **state)
{
    bool failed = true;

    (void)state;
    for (uint64_t nth = 1; failed; nth++) {
        struct simdisk *disk = simdisk_new();
        struct kfs_backend *b = open_store(simdisk_io(disk));
        simdisk_fail(disk, SIMDISK_ANY, nth, ENOSPC, SIMDISK_HALF);
        const struct kfs_stream_spec spec = {.shards = 2, .note = "made", .note_text = {"first", 5}};
        int rc = kfs_stream_create(b, "clicks", &spec, NULL);
        failed = simdisk_has_failed(disk);
        simdisk_fail(disk, SIMDISK_ANY, 0, 0, SIMDISK_NOTHING);
        assert_true(failed ? rc == 0 || rc == -ENOSPC || rc == -EIO : rc == 0);
        assert_int_equal(create(b, "clicks", 2), rc == 0 ? -EEXIST : 0);
        assert_int_equal(count_streams(b), 1);
        assert_int_equal(kfs_backend_close(b), 0);
        b = open_store(simdisk_io(disk));
        assert_int_equal(count_streams(b), 1);
        assert_int_equal(note_size(b, "clicks"), rc == 0 ? 5 : 0);
        assert_int_equal(kfs_backend_close(b), 0);
        simdisk_free(disk);
    }
}

/* ---- stream files ---- */

#define HEAD                                                                                                           \
    "{\"format\":1,\"name\":\"clicks\",\"generation\":3,\"created_ms\":1,\"retention_hours\":24,"                      \
    "\"max_record_bytes\":1024,\"next_shard\":2,\"shards\":["
#define SHARD(index, more)                                                                                             \
    "{\"index\":" #index ",\"start\":\"0\",\"end\":\"340282366920938463463374607431768211455\",\"starting\":\"1\","    \
    "\"created_ms\":1" more "}"
#define CLOSED ",\"ending\":\"9\",\"closed_ms\":5"

static void stream_files_that_no_stream_has_are_refused(void **state)
{
    static const char *const good[] = {
        HEAD SHARD(0, "") "]}",
        HEAD SHARD(0, CLOSED) "," SHARD(1, ",\"parent\":0") "]}",
    };
    static const char *const bad[] = {
        HEAD "]}",                                                   /* no shard */
        HEAD SHARD(0, CLOSED) "]}",                                  /* none that is open */
        HEAD SHARD(0, ",\"parent\":0") "]}",                         /* its own parent */
        HEAD SHARD(0, CLOSED ",\"parent\":1") "," SHARD(1, "") "]}", /* a child that stands before its parent */
        HEAD SHARD(0, CLOSED) "," SHARD(1, ",\"adjacent\":0") "]}",  /* one parent, and that the second */
        HEAD SHARD(0, ",\"ending\":\"9\",\"closed_ms\":0") "," SHARD(1, "") "]}",
        HEAD SHARD(0, ",\"ending\":\"0\",\"closed_ms\":5") "," SHARD(1, "") "]}",
        HEAD SHARD(2, "") "]}", /* beyond next_shard */
    };
    struct local_manifest m;
    struct kfs_error err;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(local_manifest_parse(good[i], strlen(good[i]), &m, NULL), 0);
        local_manifest_release(&m);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(local_manifest_parse(bad[i], strlen(bad[i]), &m, &err), -EIO);
        assert_int_equal(err.code, EIO);
        assert_null(m.topology.shards);
    }
}

/* ---- open logs ---- */

static int counting_list(void *ctx, int dir, int (*visit)(void *arg, const char *name), void *arg)
{
    struct simdisk *disk = ctx;

    (void)atomic_fetch_add(&logs_opened, 1); /* each log lists its directory once */
    return simdisk_io(disk)->list(ctx, dir, visit, arg);
}

static unsigned int open_logs(struct kfs_backend *b)
{
    struct kfs_buf json;

    kfs_buf_init(&json, 10000);
    assert_int_equal(kfs_status(b, &json), 0);
    assert_int_equal(kfs_buf_append(&json, "", 1), 0);
    const char *at = strstr(json.data, "\"open_logs\":");
    assert_non_null(at);
    unsigned int n = (unsigned int)strtoul(at + strlen("\"open_logs\":"), NULL, 10);
    kfs_buf_release(&json);
    return n;
}

/* Waits until as many logs were opened since, or are open at most; ten seconds. */
static bool wait_for(struct kfs_backend *b, unsigned int opened, unsigned int open)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    for (int i = 0; i < 10000; i++) {
        if (atomic_load(&logs_opened) >= opened && open_logs(b) <= open)
            return true;
        (void)nanosleep(&pause, NULL);
    }
    return false;
}

/* The keeper looks after every shard; it must not leave a thousand descriptors open. */
static void idle_logs_are_closed(void **state)
{
    struct simdisk *disk = simdisk_new();
    struct kfs_io io = *simdisk_io(disk);
    struct kfs_stream *stream;
    struct kfs_extent extent;

    (void)state;
    io.list = counting_list;
    struct kfs_backend *b = open_store(&io);
    assert_int_equal(create(b, "wide", SHARDS), 0);
    assert_int_equal(kfs_stream_open(b, "wide", &stream, NULL), 0);
    atomic_store(&logs_opened, 0);
    for (uint32_t i = 0; i < SHARDS; i++)
        assert_int_equal(kfs_shard_extent(stream, i, &extent, NULL), 0);
    assert_int_equal(atomic_load(&logs_opened), SHARDS);
    assert_true(open_logs(b) <= OPEN_LOGS_MAX);

    unsigned int closed = SHARDS - open_logs(b);
    atomic_fetch_add(&mono_ms, 70000);
    assert_true(wait_for(b, SHARDS + closed, 0));
    kfs_stream_close(stream);
    assert_int_equal(kfs_backend_close(b), 0);
    assert_int_equal(simdisk_open_files(disk), 0);
    simdisk_free(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_without_a_stream_file_is_used_again),
        cmocka_unit_test(a_store_that_lost_its_file_is_not_opened),
        cmocka_unit_test(a_stream_that_cannot_be_loaded_is_not_replaced),
        cmocka_unit_test(a_creation_that_failed_can_be_repeated),
        cmocka_unit_test(stream_files_that_no_stream_has_are_refused),
        cmocka_unit_test(idle_logs_are_closed),
    };

    kfs_log_setup(KFS_LOG_TO_STDERR, KFS_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
