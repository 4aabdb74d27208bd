/* Cursors through the core over the reference backend: whatever a reader has gone on from, in whatever view, the next
 * begins at the record after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/fs.h"
#include "fs/place.h"
#include "tests/support/memory.h"

#define RECORDS 600
#define TEXT_MAX 400000
#define FILE_MAX ((size_t)2 << 20)

struct world {
    struct kfs_backend *backend;
    struct kfs_backend_ops ops;
    const struct kfs_backend_ops *real;
    struct kfs_fs *fs;
    bool fails; /* notes cannot be set */
};

static struct world the_world;

static int note_set(struct kfs_backend *b, struct kfs_stream *stream, const char *name, struct kfs_bytes text,
                    struct kfs_error *err)
{
    if (the_world.fails)
        return kfs_fail(err, ENOSPC, "no space");
    return the_world.real->note_set(b, stream, name, text, err);
}

static void start(void)
{
    struct kfs_fs_config config = {.clock = &kfs_system_clock, .new_stream = {.shards = 3}};

    config.backend = the_world.backend;
    assert_int_equal(kfs_fs_new(&config, &the_world.fs, NULL), 0);
}

static void stop(void)
{
    kfs_fs_stop(the_world.fs);
    kfs_fs_free(the_world.fs);
}

static uint64_t now_ms; /* of a clock that stands still until the test moves it */

static uint64_t still_time(void *ctx)
{
    (void)ctx;
    return now_ms;
}

static const struct kfs_clock still_clock = {NULL, still_time, still_time};

static int open_at(const struct kfs_clock *clock)
{
    the_world = (struct world){.backend = memory_open(clock)};
    the_world.real = the_world.backend->ops;
    the_world.ops = *the_world.real;
    the_world.ops.note_set = note_set;
    the_world.backend->ops = &the_world.ops;
    start();
    assert_int_equal(kfs_fs_mkdir(the_world.fs, kfs_fs_root(the_world.fs), "s"), 0);
    return 0;
}

static int open_world(void **state)
{
    (void)state;
    return open_at(&kfs_system_clock);
}

static int open_still_world(void **state)
{
    (void)state;
    now_ms = UINT64_C(1700000000000);
    return open_at(&still_clock);
}

static int close_world(void **state)
{
    (void)state;
    stop();
    assert_int_equal(kfs_backend_close(the_world.backend), 0);
    return 0;
}

static int try_open(const char *dir, const char *name, struct kfs_handle **handle)
{
    struct kfs_node *parent;
    struct kfs_node *node;

    assert_int_equal(kfs_fs_lookup(the_world.fs, kfs_fs_root(the_world.fs), dir, &parent, NULL), 0);
    int rc = kfs_fs_lookup(the_world.fs, parent, name, &node, NULL);
    kfs_fs_forget(the_world.fs, parent, 1);
    if (rc != 0)
        return rc;
    rc = kfs_fs_open(the_world.fs, node, O_RDONLY, handle);
    kfs_fs_forget(the_world.fs, node, 1);
    return rc;
}

static struct kfs_handle *open_file(const char *dir, const char *name)
{
    struct kfs_handle *handle = NULL;

    assert_int_equal(try_open(dir, name, &handle), 0);
    return handle;
}

/* rm of the cursor c. */
static void remove_cursor(void)
{
    struct kfs_node *control;
    struct kfs_node *cursors;

    assert_int_equal(kfs_fs_lookup(the_world.fs, kfs_fs_root(the_world.fs), ".kinesisfs", &control, NULL), 0);
    assert_int_equal(kfs_fs_lookup(the_world.fs, control, "cursors", &cursors, NULL), 0);
    assert_int_equal(kfs_fs_unlink(the_world.fs, cursors, "c"), 0);
    kfs_fs_forget(the_world.fs, cursors, 1);
    kfs_fs_forget(the_world.fs, control, 1);
}

/* All of an open file. */
static size_t read_all(struct kfs_handle *handle, uint64_t offset, char *data)
{
    size_t len = 0;
    ssize_t n;

    while ((n = kfs_fs_read(the_world.fs, handle, offset + len, data + len, FILE_MAX - len)) > 0)
        len += (size_t)n;
    assert_int_equal(n, 0);
    return len;
}

static void append_records(unsigned int seed)
{
    static char data[TEXT_MAX];
    struct kfs_stream *stream;

    assert_int_equal(kfs_stream_open(the_world.backend, "s", &stream, NULL), 0);
    for (size_t i = 0; i < RECORDS; i++) {
        char key[16];
        size_t len = (size_t)rand_r(&seed) % 40;
        if (rand_r(&seed) % 100 == 0)
            len = 5000 + (size_t)rand_r(&seed) % 9000;
        for (size_t j = 0; j < len; j++)
            data[j] = (char)('a' + rand_r(&seed) % 26);
        (void)snprintf(key, sizeof key, "%zu", i);
        const struct kfs_put put = {.data = {data, len}, .key = {key, strlen(key)}};
        assert_int_equal(kfs_append(stream, KFS_NO_SHARD, &put, 1, NULL, NULL), 0);
    }
    kfs_stream_close(stream);
}

/* The beginning of the record that holds a byte of a file whose records end with `end`. */
static size_t beginning(const char *data, size_t at, char end)
{
    while (at > 0 && data[at - 1] != end)
        at--;
    return at;
}

static void test_resumes(void **state)
{
    static const struct {
        const char *dir;
        const char *name;
        char end;
    } files[] = {{"s@cursor=c", "shardId-000000000001", '\n'},
                 {"s@cursor=c", "all", '\n'},
                 {"s@json,cursor=c", "all", '\n'},
                 {"s@json,cursor=c", "shardId-000000000001", '\n'},
                 {"s@nul,cursor=c", "all", '\0'},
                 {"s@nul,cursor=c", "shardId-000000000002", '\0'}};
    char *whole = malloc(FILE_MAX);
    char *rest = malloc(FILE_MAX);
    unsigned int seed = 7;

    (void)state;
    append_records(1);
    for (size_t round = 0; round < 120; round++) {
        const size_t file = round % (sizeof files / sizeof files[0]);
        struct kfs_handle *handle = open_file(files[file].dir, files[file].name);
        size_t len = read_all(handle, 0, whole);
        kfs_fs_release(the_world.fs, handle);
        remove_cursor();

        /* Some way, in pieces; the last read is at `at`, and its bytes do not count. */
        handle = open_file(files[file].dir, files[file].name);
        size_t at = 0;
        for (int i = rand_r(&seed) % 4; i >= 0; i--)
            at += (size_t)kfs_fs_read(the_world.fs, handle, at, rest, (size_t)rand_r(&seed) % (len / 4) + 1);
        assert_true(kfs_fs_read(the_world.fs, handle, at, rest, 700) >= 0);
        assert_int_equal(kfs_fs_flush(the_world.fs, handle, 0), 0);
        kfs_fs_release(the_world.fs, handle);
        if (round % 8 == 0) {
            stop();
            start();
        }
        size_t from = beginning(whole, at, files[file].end);
        handle = open_file(files[file].dir, files[file].name);
        assert_int_equal(read_all(handle, 0, rest), len - from);
        assert_memory_equal(rest, whole + from, len - from);
        kfs_fs_release(the_world.fs, handle);
        remove_cursor();
    }
    free(whole);
    free(rest);
}

/* How many bytes of a file are left to who opens it now. */
static uint64_t bytes_left(const char *dir, const char *name)
{
    struct kfs_node *parent;
    struct kfs_node *node;
    struct stat st;

    assert_int_equal(kfs_fs_lookup(the_world.fs, kfs_fs_root(the_world.fs), dir, &parent, NULL), 0);
    assert_int_equal(kfs_fs_lookup(the_world.fs, parent, name, &node, &st), 0);
    kfs_fs_forget(the_world.fs, node, 1);
    kfs_fs_forget(the_world.fs, parent, 1);
    return (uint64_t)st.st_size;
}

/* A read(2) that the kernel cuts is one: before the last piece its program has nothing of it, and may be killed. */
static void test_cut_read(void **state)
{
    enum { RECORD = 1 << 16, PIECE = 1 << 20, SIZE = 3 * PIECE };
    char *data = calloc(1, PIECE);
    const struct kfs_put put = {.data = {data, RECORD - 1}, .key = {"k", 1}};
    struct kfs_stream *stream;

    (void)state;
    assert_int_equal(kfs_stream_open(the_world.backend, "s", &stream, NULL), 0);
    for (int i = 0; i < SIZE / RECORD; i++)
        assert_int_equal(kfs_append(stream, 0, &put, 1, NULL, NULL), 0);
    kfs_stream_close(stream);
    for (int ends = 0; ends < 2; ends++) {
        struct kfs_handle *handle = open_file("s@cursor=c", "shardId-000000000000");
        for (int i = 0; i < 2; i++)
            assert_int_equal(kfs_fs_read(the_world.fs, handle, (uint64_t)i * PIECE, data, PIECE), PIECE);
        if (ends) {
            assert_int_equal(kfs_fs_read(the_world.fs, handle, (uint64_t)2 * PIECE, data, RECORD), RECORD);
            assert_int_equal(kfs_fs_read(the_world.fs, handle, (uint64_t)2 * PIECE + RECORD, data, 1), 1);
        }
        kfs_fs_release(the_world.fs, handle);
        assert_int_equal(bytes_left("s@cursor=c", "shardId-000000000000"), ends ? PIECE - RECORD : SIZE);
    }
    free(data);
}

/* What stops a save is told by close, and what was confirmed is saved later. */
static void test_failing_save(void **state)
{
    struct kfs_handle *handle = NULL;
    char data[TEXT_MAX];

    (void)state;
    append_records(2);
    handle = open_file("s@cursor=c", "shardId-000000000000");
    size_t len = read_all(handle, 0, data);
    assert_true(len > 0);
    the_world.fails = true;
    assert_int_equal(kfs_fs_flush(the_world.fs, handle, 0), -ENOSPC);
    the_world.fails = false;
    kfs_fs_release(the_world.fs, handle);
    stop();
    start();
    handle = open_file("s@cursor=c", "shardId-000000000000");
    assert_int_equal(read_all(handle, 0, data), 0);
    kfs_fs_release(the_world.fs, handle);

    the_world.fails = true;
    assert_int_equal(try_open("s@cursor=new", "all", &handle), -ENOSPC);
    the_world.fails = false;
}

/* A file that was looked up before another reader moved the cursor is looked up again. */
static void test_moved(void **state)
{
    struct kfs_handle *handle = NULL;
    struct kfs_handle *late;
    struct kfs_node *dir;
    struct kfs_node *node;
    char data[TEXT_MAX];

    (void)state;
    append_records(3);
    assert_int_equal(kfs_fs_lookup(the_world.fs, kfs_fs_root(the_world.fs), "s@cursor=c", &dir, NULL), 0);
    assert_int_equal(kfs_fs_lookup(the_world.fs, dir, "all", &node, NULL), 0);
    handle = open_file("s@cursor=c", "shardId-000000000000");
    assert_int_equal(kfs_fs_open(the_world.fs, node, O_RDONLY, &late), -EBUSY);
    (void)read_all(handle, 0, data);
    assert_int_equal(kfs_fs_flush(the_world.fs, handle, 0), 0);
    kfs_fs_release(the_world.fs, handle);
    assert_int_equal(kfs_fs_open(the_world.fs, node, O_RDONLY, &late), -ESTALE);
    kfs_fs_forget(the_world.fs, node, 1);
    kfs_fs_forget(the_world.fs, dir, 1);
}

/* A note that is no cursor's is an error, which removing ends. */
static void test_damaged(void **state)
{
    static const char *const bad[] = {"x",
                                      "kinesisfs cursor 2\n",
                                      "kinesisfs cursor 1\n0 1 2",
                                      "kinesisfs cursor 1\n0 1\n",
                                      "kinesisfs cursor 1\n0 1 18446744073709551616\n",
                                      "kinesisfs cursor 1\n2147483648 1 2\n",
                                      "kinesisfs cursor 1\n1 1 2\n1 1 2\n",
                                      "kinesisfs cursor 1\n0 -1 2\n"};
    struct kfs_stream *stream;
    struct kfs_handle *handle = NULL;

    (void)state;
    assert_int_equal(kfs_stream_open(the_world.backend, "s", &stream, NULL), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct kfs_bytes text = {bad[i], strlen(bad[i])};
        struct kfs_places places;
        assert_int_equal(kfs_places_parse(text, &places), -EINVAL);
        stop(); /* a mount has what it reads in memory */
        assert_int_equal(kfs_note_set(the_world.backend, stream, KFS_CURSOR_NOTE "c", text, NULL), 0);
        start();
        assert_int_equal(try_open("s@cursor=c", "all", &handle), -EIO);
        remove_cursor();
        assert_int_equal(try_open("s@cursor=c", "all", &handle), 0);
        kfs_fs_release(the_world.fs, handle);
        remove_cursor();
    }
    kfs_stream_close(stream);
}

static void test_names(void **state)
{
    char name[KFS_CURSOR_NAME_MAX + 2];

    (void)state;
    memset(name, 'a', sizeof name);
    name[KFS_CURSOR_NAME_MAX + 1] = '\0';
    assert_false(kfs_cursor_name_valid(name));
    assert_true(kfs_cursor_name_valid(name + 1));
    assert_true(kfs_cursor_name_valid("0_.-z"));
    assert_false(kfs_cursor_name_valid(""));
    assert_false(kfs_cursor_name_valid(".a"));
    assert_true(kfs_cursor_name_valid("A-z"));
    assert_false(kfs_cursor_name_valid("a/b"));
    assert_false(kfs_cursor_name_valid("a.new"));
}

/* A merged file remembers only so many of its extensions, and seeks into older ones may find another order than what
 * was shown. The cursor goes by what was shown. */
static void test_many_extensions(void **state)
{
    enum { EXTENSIONS = 1500, LEN = 8 };
    const uint64_t whole = (uint64_t)EXTENSIONS * LEN;
    char *data = malloc(FILE_MAX);
    struct kfs_stream *stream;
    struct kfs_node *dir;
    struct kfs_node *all;
    struct kfs_handle *handle;
    struct stat st;

    (void)state;
    assert_int_equal(kfs_stream_open(the_world.backend, "s", &stream, NULL), 0);
    for (int first = 100; first < 104; first++) {
        uint64_t offset = (uint64_t)first * LEN;
        assert_int_equal(kfs_fs_lookup(the_world.fs, kfs_fs_root(the_world.fs), "s@from=end,cursor=c", &dir, NULL), 0);
        assert_int_equal(kfs_fs_lookup(the_world.fs, dir, "all", &all, &st), 0);
        assert_int_equal(kfs_fs_open(the_world.fs, all, O_RDONLY, &handle), 0);
        for (int i = 0; i < EXTENSIONS; i++) {
            char text[LEN];
            (void)snprintf(text, sizeof text, "%07d", i);
            const struct kfs_put put = {.data = {text, LEN - 1}, .key = {"k", 1}};
            assert_int_equal(kfs_append(stream, i % 2 == 0 ? 1 : 0, &put, 1, NULL, NULL), 0);
            assert_int_equal(kfs_fs_getattr(the_world.fs, all, &st), 0);
            if (i == 2 * first)
                assert_int_equal(kfs_fs_read(the_world.fs, handle, 0, data, offset), offset);
        }
        bool seen[EXTENSIONS] = {false};
        for (size_t at = 0; at < offset; at += LEN)
            seen[strtol(data + at, NULL, 10)] = true;
        assert_int_equal(kfs_fs_read(the_world.fs, handle, offset, data, FILE_MAX), whole - offset);
        assert_int_equal(kfs_fs_flush(the_world.fs, handle, 0), 0);
        kfs_fs_release(the_world.fs, handle);
        kfs_fs_forget(the_world.fs, all, 1);
        kfs_fs_forget(the_world.fs, dir, 1);

        handle = open_file("s@cursor=c", "all");
        assert_int_equal(read_all(handle, 0, data), whole - offset);
        for (size_t at = 0; at < whole - offset; at += LEN)
            seen[strtol(data + at, NULL, 10)] = true;
        for (int i = 0; i < EXTENSIONS; i++)
            assert_true(seen[i]);
        kfs_fs_release(the_world.fs, handle);
    }
    kfs_stream_close(stream);
    free(data);
}

/* The places of shards that retention has removed go with them. */
static void test_expired_shards(void **state)
{
    char data[100];
    struct kfs_stream *stream;
    struct kfs_places places;
    struct kfs_buf note;

    (void)state;
    append_records(1);
    assert_int_equal(kfs_stream_open(the_world.backend, "s", &stream, NULL), 0);
    struct kfs_handle *handle = open_file("s@cursor=c", "all");
    char *whole = malloc(FILE_MAX);
    (void)read_all(handle, 0, whole);
    kfs_fs_release(the_world.fs, handle);
    assert_int_equal(kfs_stream_resize(stream, 1, NULL), 0);
    now_ms += UINT64_C(49) * 3600 * 1000;
    const struct kfs_put put = {.data = {"new", 3}, .key = {"k", 1}};
    assert_int_equal(kfs_append(stream, KFS_NO_SHARD, &put, 1, NULL, NULL), 0);
    for (int i = 0; i < 2; i++) {
        handle = open_file("s@cursor=c", "all");
        assert_int_equal(kfs_fs_read(the_world.fs, handle, 0, data, sizeof data), i == 0 ? 4 : 0);
        assert_int_equal(kfs_fs_read(the_world.fs, handle, i == 0 ? 4 : 0, data, sizeof data), 0);
        kfs_fs_release(the_world.fs, handle);
        kfs_buf_init(&note, 1000);
        assert_int_equal(kfs_note_get(the_world.backend, stream, "cursor-c", &note, NULL), 0);
        assert_int_equal(kfs_places_parse((struct kfs_bytes){note.data, note.len}, &places), 0);
        assert_int_equal(places.n, 1);
        kfs_places_release(&places);
        kfs_buf_release(&note);
    }
    kfs_stream_close(stream);
    free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_resumes, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_many_extensions, open_still_world, close_world),
        cmocka_unit_test_setup_teardown(test_expired_shards, open_still_world, close_world),
        cmocka_unit_test_setup_teardown(test_cut_read, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_failing_save, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_moved, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_damaged, open_world, close_world),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
