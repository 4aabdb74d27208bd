/* What the remote backend keeps of streams that are gone, and which directories it takes. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/kinesis/internal.h"
#include "tests/unit/remote_case.h"

static void reopen(void)
{
    close_backend();
    open_backend();
}

static bool is_empty(const char *below)
{
    char path[TEMPDIR_PATH_SIZE + 64];

    (void)snprintf(path, sizeof path, "%s/%s", world.dir, below);
    return rmdir(path) == 0;
}

static char large[KFS_RECORD_BYTES_DEFAULT + 1000];

static void a_deleted_stream_leaves_nothing(void **state)
{
    (void)state;
    open_backend();
    make_stream(0);
    assert_int_equal(put("x", 1), 0);
    assert_int_equal(remoteworld_sync(stream, 0), 0);
    assert_int_equal(kfs_stream_delete(stream, NULL), 0);
    assert_false(is_there("streams/s"));
    assert_false(is_empty("gone"));
    kfs_stream_close(stream);
    stream = NULL;
    bool empty = false;
    for (int i = 0; i < 500 && !empty; i++) {
        empty = is_empty("gone");
        (void)usleep(10000);
    }
    assert_true(empty);
}

static void a_stream_that_was_deleted_in_use_leaves_nothing_to_the_next_mount(void **state)
{
    (void)state;
    open_backend();
    make_stream(0);
    assert_int_equal(kfs_stream_delete(stream, NULL), 0);
    assert_false(is_empty("gone"));
    reopen();
    assert_true(is_empty("gone"));
}

/* As a local store is: its files would be written over. */
static void a_directory_with_streams_and_without_state_is_refused(void **state)
{
    struct kfs_error err = {0};

    (void)state;
    open_backend();
    make_stream(0);
    close_backend();
    write_state(NULL);
    assert_int_equal(kfs_kinesis_open(world.dir, &world.options, &backend, &err), -EINVAL);
    assert_non_null(strstr(err.text, "spool=DIR"));
    write_state(world.url);
    open_backend();
}

static void a_deleted_stream_leaves_its_dead_letters(void **state)
{
    (void)state;
    open_backend();
    make_stream(2 * KFS_RECORD_BYTES_DEFAULT);
    remoteworld_lower_limit(&world);
    assert_int_equal(put(large, sizeof large), 0);
    assert_int_equal(remoteworld_sync(stream, 0), 0);
    assert_int_equal(kfs_stream_delete(stream, NULL), 0);
    reopen();
    assert_false(is_there("streams/s"));
    assert_false(is_empty("gone"));
}

static int open_below_streams(void)
{
    char path[PATH_MAX];
    char place[64];
    int n = 0;

    for (int fd = 0; fd < 1024; fd++) {
        (void)snprintf(place, sizeof place, "/proc/self/fd/%d", fd);
        ssize_t len = readlink(place, path, sizeof path - 1);
        path[len > 0 ? len : 0] = '\0';
        n += strstr(path, "/streams/") != NULL || strstr(path, "/gone/") != NULL ? 1 : 0;
    }
    return n;
}

static void a_stream_that_is_gone_keeps_no_file_open(void **state)
{
    struct kfs_reader *reader;
    char text[4];

    (void)state;
    world.options.log_idle_ms = 60000;
    world.options.linger_ms = 60000;
    open_backend();
    make_stream(0);
    assert_int_equal(kfs_reader_open(stream, 0, &reader, NULL), 0);
    assert_int_equal(put("old", 3), 0);
    remote_forget((struct remote_stream *)stream);
    (void)usleep(200000);
    assert_int_equal(kfs_read_bytes(reader, 0, text, sizeof text, NULL), -ENOENT);
    kfs_reader_close(reader);
    kfs_stream_close(stream);
    stream = NULL;
    for (int i = 0; i < 500 && open_below_streams() > 0; i++)
        (void)usleep(10000);
    assert_int_equal(open_below_streams(), 0);
    reopen(); /* what was written is there still */
    assert_false(is_empty("gone"));
}

static bool renames;

static int failing_rename(void *ctx, int from, const char *name, int to, const char *as)
{
    return renames || strcmp(name, "s") != 0 ? kfs_posix_io.rename(ctx, from, name, to, as) : -EDQUOT;
}

/* A stream of the same name would send what is in the spool. */
static void a_directory_that_cannot_be_moved_away_is_not_reused(void **state)
{
    struct kfs_io io = kfs_posix_io;
    struct kfs_stream *second = NULL;

    (void)state;
    io.rename = failing_rename;
    renames = false;
    world.options.io = &io;
    world.options.linger_ms = 60000;
    open_backend();
    make_stream(0);
    assert_int_equal(put("old", 3), 0);
    remote_forget((struct remote_stream *)stream); /* as when it was made anew elsewhere */
    assert_int_equal(kfs_stream_open(backend, "s", &second, NULL), -EDQUOT);
    assert_true(is_there("streams/s/shardId-000000000000/spool"));
    renames = true;
    assert_int_equal(kfs_stream_open(backend, "s", &second, NULL), 0);
    assert_false(is_there("streams/s/shardId-000000000000/spool"));
    assert_false(is_empty("gone"));
    kfs_stream_close(second);
    close_backend();
    world.options.io = &kfs_posix_io;
    open_backend();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_deleted_stream_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stream_that_was_deleted_in_use_leaves_nothing_to_the_next_mount, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_directory_with_streams_and_without_state_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deleted_stream_leaves_its_dead_letters, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stream_that_is_gone_keeps_no_file_open, setup, teardown),
        cmocka_unit_test_setup_teardown(a_directory_that_cannot_be_moved_away_is_not_reused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
