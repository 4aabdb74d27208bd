/* Files of shards that get aggregates, through the core over the reference backend: random appends, and at each moment
 * every open file has the size, and at every offset the bytes, that its records have when they are taken apart. */
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

#include "backend/codec/kpl.h"
#include "fs/fs.h"
#include "tests/support/contract_case.h"
#include "tests/support/memory.h"

#define TEXT_MAX ((size_t)4 << 20)
#define FILES_MAX 24
#define HOURS(n) (UINT64_C(3600000) * (n))
#define SHARD "shardId-000000000000"

/* What a shard's records are when they are taken apart, one after the other. */
struct text {
    char *data;
    size_t len;
};

struct file {
    struct kfs_handle *handle;
    struct kfs_node *node;
    const struct text *text;
    size_t from; /* where in the text it begins */
    size_t size; /* as last seen */
};

static struct world {
    struct contract_clock time;
    struct kfs_backend *backend;
    struct kfs_stream *stream;
    struct kfs_fs *fs;
    struct text lines;
    struct text nuls;
    struct file files[FILES_MAX];
    size_t n_files;
    uint64_t seed;
} w;

static uint64_t wall_ms(void *ctx)
{
    return ((struct contract_clock *)ctx)->wall_ms;
}

static int open_world(void **state)
{
    const struct kfs_stream_spec spec = {.shards = 1};

    (void)state;
    w = (struct world){.time = {.wall_ms = CASE_START_MS}, .seed = 1};
    w.time.clock = (struct kfs_clock){&w.time, wall_ms, wall_ms};
    w.backend = memory_open(&w.time.clock);
    const struct kfs_fs_config config = {.backend = w.backend, .clock = &w.time.clock};
    assert_int_equal(kfs_fs_new(&config, &w.fs, NULL), 0);
    assert_int_equal(kfs_stream_create(w.backend, "s", &spec, NULL), 0);
    assert_int_equal(kfs_stream_open(w.backend, "s", &w.stream, NULL), 0);
    w.lines.data = malloc(TEXT_MAX);
    w.nuls.data = malloc(TEXT_MAX);
    assert_true(w.lines.data != NULL && w.nuls.data != NULL);
    return 0;
}

static void close_file(size_t i)
{
    kfs_fs_release(w.fs, w.files[i].handle);
    kfs_fs_forget(w.fs, w.files[i].node, 1);
    w.files[i] = w.files[--w.n_files];
}

static int close_world(void **state)
{
    (void)state;
    while (w.n_files > 0)
        close_file(0);
    kfs_fs_stop(w.fs);
    kfs_fs_free(w.fs);
    kfs_stream_close(w.stream);
    assert_int_equal(kfs_backend_close(w.backend), 0);
    free(w.lines.data);
    free(w.nuls.data);
    return 0;
}

/* ---- appending ---- */

static void expect(struct text *text, const char *data, size_t len, char end)
{
    assert_true(text->len + len < TEXT_MAX);
    memcpy(text->data + text->len, data, len);
    text->len += len;
    text->data[text->len++] = end;
}

static size_t make_record(char *data)
{
    size_t len = (size_t)random_below(&w.seed, random_below(&w.seed, 8) == 0 ? 3000 : 60);

    for (size_t i = 0; i < len; i++)
        data[i] = (char)('a' + random_below(&w.seed, 26));
    expect(&w.lines, data, len, '\n');
    expect(&w.nuls, data, len, '\0');
    return len;
}

static void append(struct kfs_bytes data)
{
    const struct kfs_put put = {.data = data, .key = {"k", 1}};

    assert_int_equal(kfs_append(w.stream, 0, &put, 1, NULL, NULL), 0);
}

static void append_record(void)
{
    char data[3000];
    size_t len = make_record(data);

    append((struct kfs_bytes){data, len});
}

static void append_aggregate(void)
{
    const struct kfs_hash_range range = {0, KFS_HASH_MAX};
    struct kfs_kpl_writer *writer = kfs_kpl_writer_new(KFS_RECORD_BYTES_DEFAULT, &range);
    char data[3000];
    struct kfs_buf made;

    assert_non_null(writer);
    for (uint64_t n = 1 + random_below(&w.seed, 30); n > 0; n--) {
        const struct kfs_put put = {.data = {data, make_record(data)}, .key = {"key", 3}};
        assert_int_equal(kfs_kpl_add(writer, &put), 0);
    }
    kfs_buf_init(&made, KFS_RECORD_BYTES_DEFAULT);
    assert_int_equal(kfs_kpl_close(writer, &made), 0);
    append((struct kfs_bytes){made.data, made.len});
    kfs_buf_release(&made);
    kfs_kpl_writer_free(writer);
}

/* It begins as an aggregate and is none; with a frame that is right there is a mark for it. */
static void append_malformed(bool framed)
{
    char data[64];
    size_t len = frame_aggregate(data, "nothing of the kind") - (framed ? 0 : 1);

    expect(&w.lines, data, len, '\n');
    expect(&w.nuls, data, len, '\0');
    append((struct kfs_bytes){data, len});
}

/* ---- files ---- */

static void open_file(const char *dir, const struct text *text, size_t from)
{
    struct file *f = &w.files[w.n_files];
    struct kfs_node *parent;

    assert_true(w.n_files < FILES_MAX);
    *f = (struct file){.text = text, .from = from};
    assert_int_equal(kfs_fs_lookup(w.fs, kfs_fs_root(w.fs), dir, &parent, NULL), 0);
    assert_int_equal(kfs_fs_lookup(w.fs, parent, SHARD, &f->node, NULL), 0);
    kfs_fs_forget(w.fs, parent, 1);
    assert_int_equal(kfs_fs_open(w.fs, f->node, O_RDONLY, &f->handle), 0);
    w.n_files++;
}

static void assert_size(struct file *f)
{
    struct stat st;

    assert_int_equal(kfs_fs_getattr(w.fs, f->node, &st), 0);
    assert_int_equal(st.st_size, f->text->len - f->from);
    assert_true((size_t)st.st_size >= f->size);
    f->size = (size_t)st.st_size;
}

/* Asks for n bytes at an offset. */
static void assert_bytes_at(const struct file *f, size_t offset, size_t n)
{
    const char *want = f->text->data + f->from + offset;
    size_t left = f->text->len - f->from - offset;
    char *got = malloc(n + 1);

    assert_non_null(got);
    assert_int_equal(kfs_fs_read(w.fs, f->handle, offset, got, n), left < n ? left : n);
    assert_memory_equal(got, want, left < n ? left : n);
    free(got);
}

static void assert_file(struct file *f)
{
    size_t size = f->text->len - f->from;

    assert_bytes_at(f, size, 100); /* the tip, before anyone asked for the size */
    assert_size(f);
    assert_bytes_at(f, 0, size + 1);
    for (int i = 0; i < 3; i++)
        assert_bytes_at(f, (size_t)random_below(&w.seed, size + 1), (size_t)random_below(&w.seed, 5000));
}

static void random_step(void)
{
    switch (random_below(&w.seed, 12)) {
    case 0:
        append_aggregate();
        break;
    case 1:
        append_malformed(random_below(&w.seed, 8) == 0);
        break;
    case 2:
        open_file("s", &w.lines, 0);
        break;
    case 3:
        open_file("s@nul", &w.nuls, 0);
        break;
    case 4:
        open_file("s@from=end", &w.lines, w.lines.len);
        break;
    default:
        append_record();
        w.time.wall_ms += random_below(&w.seed, 3);
        break;
    }
    if (w.n_files > 8)
        close_file((size_t)random_below(&w.seed, w.n_files));
}

static void every_file_at_every_moment(void **state)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        if (seed > 1) {
            assert_int_equal(close_world(state), 0);
            assert_int_equal(open_world(state), 0);
        }
        w.seed = seed;
        for (uint64_t n = random_below(&w.seed, 300); n > 0; n--)
            append_record();
        open_file("s", &w.lines, 0);
        for (int step = 0; step < 150; step++) {
            random_step();
            if (step % 5 == 0 && w.n_files > 0)
                assert_file(&w.files[random_below(&w.seed, w.n_files)]);
        }
        for (size_t i = 0; i < w.n_files; i++)
            assert_file(&w.files[i]);
    }
}

/* A file that was open keeps its offsets when retention passes the first aggregate. */
static void retention_passes_by(void **state)
{
    char byte;

    (void)state;
    for (int i = 0; i < 10; i++)
        append_record();
    open_file("s", &w.lines, 0);
    assert_file(&w.files[0]);
    append_aggregate();
    append_record();
    size_t removed = w.lines.len;
    w.time.wall_ms += HOURS(12);
    append_record();
    append_aggregate();
    assert_size(&w.files[0]);
    w.time.wall_ms += HOURS(13);
    append_aggregate();
    assert_size(&w.files[0]);
    assert_int_equal(kfs_fs_read(w.fs, w.files[0].handle, 0, &byte, 1), -ESTALE);
    assert_int_equal(kfs_fs_read(w.fs, w.files[0].handle, removed - 1, &byte, 1), -ESTALE);
    for (size_t at = removed; at < w.lines.len; at++)
        assert_bytes_at(&w.files[0], at, 50);
    open_file("s", &w.lines, removed);
    assert_file(&w.files[1]);
}

/* What was removed before anyone asked for its size counts as it was stored: the file shrinks in no case. */
static void retention_comes_first(void **state)
{
    struct stat before;
    struct stat after;
    char byte;

    (void)state;
    append_record();
    open_file("s", &w.lines, 0);
    assert_int_equal(kfs_fs_getattr(w.fs, w.files[0].node, &before), 0);
    append_aggregate();
    w.time.wall_ms += HOURS(25);
    assert_int_equal(kfs_fs_getattr(w.fs, w.files[0].node, &after), 0);
    assert_true(after.st_size > before.st_size);
    size_t size = (size_t)after.st_size;
    size_t had = w.lines.len;
    append_aggregate();
    assert_int_equal(kfs_fs_getattr(w.fs, w.files[0].node, &after), 0);
    assert_int_equal(after.st_size, size + w.lines.len - had);
    assert_int_equal(kfs_fs_read(w.fs, w.files[0].handle, size - 1, &byte, 1), -ESTALE);
    assert_int_equal(kfs_fs_read(w.fs, w.files[0].handle, size, &byte, 1), 1);
    assert_int_equal(byte, w.lines.data[had]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_file_at_every_moment, open_world, close_world),
        cmocka_unit_test_setup_teardown(retention_passes_by, open_world, close_world),
        cmocka_unit_test_setup_teardown(retention_comes_first, open_world, close_world),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
