/* What is built on the calls of a disk, on a simulated one. */
#include "backend/base/io.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/simdisk.h"

/* A process made it and died before it was durable; the next one finds it. */
static void a_directory_that_another_made_is_made_durable(void **state)
{
    struct simdisk *disk = simdisk_new();
    const struct kfs_io *io = simdisk_io(disk);
    const bool none[8] = {false};

    (void)state;
    assert_int_equal(io->mkdir(io->ctx, simdisk_root(disk), "dir"), 0);
    struct simdisk *next = simdisk_kill(disk);
    io = simdisk_io(next);
    int dir = kfs_io_make_dir(io, simdisk_root(next), "dir");
    assert_true(dir >= 0);
    assert_int_equal(simdisk_pieces(next), 0);
    io->close(io->ctx, dir);
    struct simdisk *after = simdisk_crash(next, none, 0);
    io = simdisk_io(after);
    dir = io->open(io->ctx, simdisk_root(after), "dir", KFS_OPEN_DIR);
    assert_true(dir >= 0);
    simdisk_free(after);
    simdisk_free(next);
    simdisk_free(disk);
}

static void a_directory_that_cannot_be_made_durable_is_not_opened(void **state)
{
    struct simdisk *disk = simdisk_new();
    const struct kfs_io *io = simdisk_io(disk);

    (void)state;
    int root = simdisk_root(disk);
    size_t open = simdisk_open_files(disk);
    simdisk_fail(disk, SIMDISK_SYNC_DIR, 1, EIO, SIMDISK_NOTHING);
    assert_int_equal(kfs_io_make_dir(io, root, "dir"), -EIO);
    assert_int_equal(simdisk_open_files(disk), open);
    simdisk_free(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_that_another_made_is_made_durable),
        cmocka_unit_test(a_directory_that_cannot_be_made_durable_is_not_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
