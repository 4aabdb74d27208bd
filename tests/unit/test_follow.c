/* Reads that wait, through the core alone: none is forgotten, none is touched
 * after it is done, and a closed shard ends only behind its last record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "fs/fs.h"
#include "tests/support/memory.h"

#define LINES 3000
#define BYTES (UINT64_C(2) * LINES)
#define READERS 3

struct world {
    struct kfs_backend *backend;
    struct kfs_backend_ops ops;
    const struct kfs_backend_ops *real;
    struct kfs_fs *fs;
    struct kfs_node *dir;
    atomic_int refs; /* streams that are open */
    bool closing;    /* the next read at the tip is followed by a last record and the shard's end */
};

static struct world *the_world;

static int open_counted(struct kfs_backend *b, const char *name, struct kfs_stream **stream, struct kfs_error *err)
{
    int rc = the_world->real->stream_open(b, name, stream, err);

    the_world->refs += rc == 0;
    return rc;
}

static void close_counted(struct kfs_stream *stream)
{
    the_world->refs--;
    the_world->real->stream_close(stream);
}

static ssize_t read_then_close(struct kfs_reader *reader, uint64_t offset, void *data, size_t len,
                               struct kfs_error *err)
{
    const struct kfs_put last = {.data = {"last", 4}};
    ssize_t n = the_world->real->read_bytes(reader, offset, data, len, err);

    if (n == 0 && the_world->closing) {
        the_world->closing = false;
        assert_int_equal(kfs_append(reader->stream, reader->shard, &last, 1, NULL, NULL), 0);
        assert_int_equal(kfs_shard_split(reader->stream, reader->shard, (kfs_hash)1 << 64, NULL), 0);
    }
    return n;
}

static void world_open(struct world *w)
{
    struct kfs_fs_config config = {.clock = &kfs_system_clock, .new_stream = {.shards = 1}};

    *w = (struct world){.backend = memory_open(&kfs_system_clock)};
    the_world = w;
    w->real = w->backend->ops;
    w->ops = *w->real;
    w->ops.stream_open = open_counted;
    w->ops.stream_close = close_counted;
    w->ops.read_bytes = read_then_close;
    w->backend->ops = &w->ops;
    config.backend = w->backend;
    assert_int_equal(kfs_fs_new(&config, &w->fs, NULL), 0);
    assert_int_equal(kfs_fs_mkdir(w->fs, kfs_fs_root(w->fs), "s"), 0);
    assert_int_equal(kfs_fs_lookup(w->fs, kfs_fs_root(w->fs), "s@follow", &w->dir, NULL), 0);
}

static void world_close(struct world *w)
{
    kfs_fs_stop(w->fs);
    kfs_fs_free(w->fs);
    assert_int_equal(w->refs, 0);
    assert_int_equal(kfs_backend_close(w->backend), 0);
}

static struct kfs_handle *open_file(struct world *w, int flags)
{
    struct kfs_handle *handle;
    struct kfs_node *node;

    assert_int_equal(kfs_fs_lookup(w->fs, w->dir, "shardId-000000000000", &node, NULL), 0);
    assert_int_equal(kfs_fs_open(w->fs, node, flags, &handle), 0);
    kfs_fs_forget(w->fs, node, 1);
    return handle;
}

static void write_text(struct world *w, struct kfs_handle *handle, const char *text)
{
    bool durable;

    assert_int_equal(kfs_fs_write(w->fs, handle, 0, text, strlen(text), &durable), strlen(text));
}

/* ---- many at once ---- */

struct parked {
    struct kfs_waiter waiter;
    sem_t *woken;
};

static void parked_done(struct kfs_waiter *waiter, int error)
{
    struct parked *parked = (struct parked *)waiter;
    sem_t *woken = parked->woken;

    assert_int_equal(error, 0);
    free(parked); /* as the shell does */
    (void)sem_post(woken);
}

static void wait_for_more(struct kfs_handle *handle, uint64_t offset, sem_t *woken)
{
    struct parked *parked = calloc(1, sizeof *parked);
    char byte;

    assert_non_null(parked);
    parked->waiter.done = parked_done;
    parked->woken = woken;
    kfs_fs_prepare_wait(handle, &parked->waiter);
    if (kfs_fs_read(the_world->fs, handle, offset, &byte, 1) == KFS_FS_WAIT &&
        kfs_fs_wait(the_world->fs, handle, &parked->waiter) == 0)
        (void)sem_wait(woken);
    else
        free(parked);
}

static void *read_all(void *arg)
{
    struct kfs_handle *handle = arg;
    uint64_t offset = 0;
    char data[64];
    sem_t woken;

    (void)sem_init(&woken, 0, 0);
    while (offset < BYTES) {
        ssize_t n = kfs_fs_read(the_world->fs, handle, offset, data, sizeof data);
        if (n == KFS_FS_WAIT)
            wait_for_more(handle, offset, &woken);
        else
            offset += (uint64_t)n;
    }
    (void)sem_destroy(&woken);
    return NULL;
}

static void waiting_readers_get_every_line(void **state)
{
    struct kfs_handle *handles[READERS];
    pthread_t threads[READERS];
    struct world w;

    (void)state;
    world_open(&w);
    struct kfs_handle *writer = open_file(&w, O_WRONLY | O_APPEND);
    for (int i = 0; i < READERS; i++) {
        handles[i] = open_file(&w, O_RDONLY);
        assert_int_equal(pthread_create(&threads[i], NULL, read_all, handles[i]), 0);
    }
    for (int i = 0; i < LINES; i++)
        write_text(&w, writer, "x\n");
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        kfs_fs_release(w.fs, handles[i]);
    }
    kfs_fs_release(w.fs, writer);
    kfs_fs_forget(w.fs, w.dir, 1);
    world_close(&w);
}

/* ---- one after the other ---- */

static void a_cancelled_wait_does_not_begin(void **state)
{
    struct kfs_waiter waiter = {.done = NULL};
    struct world w;

    (void)state;
    world_open(&w);
    struct kfs_handle *handle = open_file(&w, O_RDONLY);
    kfs_fs_prepare_wait(handle, &waiter);
    assert_false(kfs_fs_cancel(w.fs, handle, &waiter));
    assert_int_equal(kfs_fs_wait(w.fs, handle, &waiter), -EINTR);
    waiter = (struct kfs_waiter){.done = NULL};
    kfs_fs_prepare_wait(handle, &waiter);
    assert_int_equal(kfs_fs_wait(w.fs, handle, &waiter), 0);
    assert_true(kfs_fs_cancel(w.fs, handle, &waiter));
    world_close(&w);
}

static void what_came_since_is_not_waited_for(void **state)
{
    struct kfs_waiter waiter = {.done = NULL};
    struct world w;

    (void)state;
    world_open(&w);
    struct kfs_handle *handle = open_file(&w, O_RDWR | O_APPEND);
    kfs_fs_prepare_wait(handle, &waiter);
    write_text(&w, handle, "x\n");
    assert_int_equal(kfs_fs_wait(w.fs, handle, &waiter), -EAGAIN);
    world_close(&w);
}

static void the_last_record_comes_before_the_end(void **state)
{
    struct world w;
    char data[16];

    (void)state;
    world_open(&w);
    struct kfs_handle *handle = open_file(&w, O_RDONLY);
    w.closing = true;
    assert_int_equal(kfs_fs_read(w.fs, handle, 0, data, sizeof data), 5);
    assert_memory_equal(data, "last\n", 5);
    assert_int_equal(kfs_fs_read(w.fs, handle, 5, data, sizeof data), 0);
    world_close(&w);
}

/* The record that stopping makes is an event when the dispatcher has gone. */
static void stopping_keeps_no_stream(void **state)
{
    struct world w;

    (void)state;
    world_open(&w);
    write_text(&w, open_file(&w, O_RDWR | O_APPEND), "unfinished");
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_readers_get_every_line),    cmocka_unit_test(a_cancelled_wait_does_not_begin),
        cmocka_unit_test(what_came_since_is_not_waited_for), cmocka_unit_test(the_last_record_comes_before_the_end),
        cmocka_unit_test(stopping_keeps_no_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
