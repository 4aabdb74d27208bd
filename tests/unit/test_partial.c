/* Partial lines and their timeout, through the core alone. */
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
#include <string.h>
#include <time.h>

#include "fs/fs.h"
#include "tests/support/memory.h"

#define TICK_NS 100000000 /* longer than one of the ticker's */

struct world {
    struct kfs_clock clock;
    pthread_t main;
    atomic_uint_fast64_t now_ms;
    sem_t asked; /* the ticker has asked for the time, or a slow append has begun */
    struct kfs_backend *backend;
    const struct kfs_backend_ops *real;
    struct kfs_fs *fs;
    struct kfs_node *dir;
};

static void pause_a_tick(void)
{
    const struct timespec tick = {0, TICK_NS};

    (void)nanosleep(&tick, NULL);
}

static uint64_t world_now(void *ctx)
{
    struct world *w = ctx;

    return atomic_load(&w->now_ms);
}

/* The ticker gets the time, and is then slow. */
static uint64_t world_mono(void *ctx)
{
    struct world *w = ctx;
    uint64_t now = atomic_load(&w->now_ms);

    if (!pthread_equal(pthread_self(), w->main)) {
        (void)sem_post(&w->asked);
        pause_a_tick();
    }
    return now;
}

static void world_open(struct world *w, uint64_t timeout_ms)
{
    struct kfs_fs_config config = {.new_stream = {.shards = 1}, .partial_timeout_ms = timeout_ms};

    *w = (struct world){.clock = {w, world_now, world_mono}, .main = pthread_self(), .now_ms = 1700000000000};
    (void)sem_init(&w->asked, 0, 0);
    w->backend = memory_open(&w->clock);
    config.backend = w->backend;
    config.clock = &w->clock;
    assert_int_equal(kfs_fs_new(&config, &w->fs, NULL), 0);
    assert_int_equal(kfs_fs_mkdir(w->fs, kfs_fs_root(w->fs), "s"), 0);
    assert_int_equal(kfs_fs_lookup(w->fs, kfs_fs_root(w->fs), "s", &w->dir, NULL), 0);
}

static void world_close(struct world *w)
{
    kfs_fs_stop(w->fs);
    kfs_fs_free(w->fs);
    assert_int_equal(kfs_backend_close(w->backend), 0);
    (void)sem_destroy(&w->asked);
}

static off_t size_of(struct world *w, struct kfs_node *dir, const char *name)
{
    struct kfs_node *node;
    struct stat st;

    assert_int_equal(kfs_fs_lookup(w->fs, dir, name, &node, &st), 0);
    kfs_fs_forget(w->fs, node, 1);
    return st.st_size;
}

static struct kfs_handle *open_file(struct world *w)
{
    struct kfs_handle *handle;
    struct kfs_node *node;

    assert_int_equal(kfs_fs_lookup(w->fs, w->dir, "shardId-000000000000", &node, NULL), 0);
    assert_int_equal(kfs_fs_open(w->fs, node, O_WRONLY | O_APPEND, &handle), 0);
    kfs_fs_forget(w->fs, node, 1);
    return handle;
}

static void a_line_written_just_now_is_not_old(void **state)
{
    struct world w;
    bool durable;

    (void)state;
    world_open(&w, 60000);
    struct kfs_handle *handle = open_file(&w);
    assert_int_equal(kfs_fs_write(w.fs, handle, 0, "a", 1, &durable), 1);
    for (int i = 0; i < 3; i++) {
        (void)sem_wait(&w.asked);
        atomic_fetch_add(&w.now_ms, 10);
        assert_int_equal(kfs_fs_write(w.fs, handle, 0, "b", 1, &durable), 1);
    }
    assert_int_equal(size_of(&w, w.dir, "shardId-000000000000"), 0);
    world_close(&w);
}

static void a_failure_that_stays_is_said_once(void **state)
{
    struct kfs_node *control;
    struct world w;
    bool durable;
    off_t said;

    (void)state;
    world_open(&w, 1);
    assert_int_equal(kfs_fs_lookup(w.fs, kfs_fs_root(w.fs), ".kinesisfs", &control, NULL), 0);
    struct kfs_handle *handle = open_file(&w);
    assert_int_equal(kfs_fs_write(w.fs, handle, 0, "a", 1, &durable), 1);
    assert_int_equal(kfs_fs_setxattr(w.fs, w.dir, "user.kinesis.shard_count", "2", 1), 0);
    do {
        atomic_fetch_add(&w.now_ms, 10);
        pause_a_tick();
        said = size_of(&w, control, "errors");
    } while (said == 0);
    for (int i = 0; i < 5; i++) {
        atomic_fetch_add(&w.now_ms, 10);
        pause_a_tick();
    }
    assert_int_equal(size_of(&w, control, "errors"), said);
    assert_int_equal(kfs_fs_flush(w.fs, handle, 0), -EROFS);
    world_close(&w);
}

static struct world *the_world;

static int append_slowly(struct kfs_stream *stream, uint32_t shard, const struct kfs_put *puts, size_t n,
                         struct kfs_put_result *results, struct kfs_error *err)
{
    (void)sem_post(&the_world->asked);
    pause_a_tick();
    return the_world->real->append(stream, shard, puts, n, results, err);
}

static void *release(void *handle)
{
    kfs_fs_release(the_world->fs, handle);
    return NULL;
}

/* However long it takes: whoever opens the file after the close sees the line. */
static void lookups_wait_for_a_release_that_runs(void **state)
{
    struct kfs_backend_ops slow;
    pthread_t thread;
    struct world w;
    bool durable;

    (void)state;
    world_open(&w, 0);
    the_world = &w;
    w.real = w.backend->ops;
    slow = *w.real;
    slow.append = append_slowly;
    w.backend->ops = &slow;
    struct kfs_handle *handle = open_file(&w);
    assert_int_equal(kfs_fs_write(w.fs, handle, 0, "a", 1, &durable), 1);
    assert_int_equal(kfs_fs_flush(w.fs, handle, 0), 0);
    assert_int_equal(pthread_create(&thread, NULL, release, handle), 0);
    (void)sem_wait(&w.asked);
    atomic_fetch_add(&w.now_ms, 1000);
    assert_int_equal(size_of(&w, w.dir, "shardId-000000000000"), 2);
    assert_int_equal(pthread_join(thread, NULL), 0);
    world_close(&w);
}

/* The dup of a descriptor that has a partial line was closed: not each lookup waits for its release. */
static void lookups_do_not_wait_for_ever(void **state)
{
    struct timespec begin;
    struct timespec end;
    struct world w;
    bool durable;

    (void)state;
    world_open(&w, 0);
    struct kfs_handle *handle = open_file(&w);
    assert_int_equal(kfs_fs_write(w.fs, handle, 0, "a", 1, &durable), 1);
    assert_int_equal(kfs_fs_flush(w.fs, handle, 0), 0);
    atomic_fetch_add(&w.now_ms, 100);
    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < 1000; i++)
        (void)size_of(&w, w.dir, "all");
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    assert_true(end.tv_sec - begin.tv_sec < 4);
    world_close(&w);
}

static void close_tells_that_a_line_is_lost(void **state)
{
    struct world w;
    bool durable;

    (void)state;
    world_open(&w, 0);
    struct kfs_handle *handle = open_file(&w);
    assert_int_equal(kfs_fs_write(w.fs, handle, 0, "a", 1, &durable), 1);
    assert_int_equal(kfs_fs_flush(w.fs, handle, 0), 0);
    assert_int_equal(kfs_fs_setxattr(w.fs, w.dir, "user.kinesis.shard_count", "2", 1), 0);
    assert_int_equal(kfs_fs_flush(w.fs, handle, 0), -EROFS);
    assert_int_equal(kfs_fs_rmdir(w.fs, kfs_fs_root(w.fs), "s"), 0);
    assert_int_equal(kfs_fs_flush(w.fs, handle, 0), -ENOENT);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_written_just_now_is_not_old),   cmocka_unit_test(a_failure_that_stays_is_said_once),
        cmocka_unit_test(lookups_wait_for_a_release_that_runs), cmocka_unit_test(lookups_do_not_wait_for_ever),
        cmocka_unit_test(close_tells_that_a_line_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
