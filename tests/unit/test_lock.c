/* The table of locks: who excludes whom, what replaces what, who gets it next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>

#include "fs/lock.h"

#define FILE_KEY 1234

static struct kfs_locks locks;
static const char handles[4]; /* stand for descriptions, by owner */

static int setup(void **state)
{
    (void)state;
    kfs_locks_init(&locks);
    return 0;
}

/* At the end nothing is kept. */
static int teardown(void **state)
{
    (void)state;
    for (int owner = 0; owner < 4; owner++)
        kfs_locks_drop(&locks, FILE_KEY, 0, &handles[owner]);
    assert_int_equal(locks.held, 0);
    for (size_t i = 0; i < KFS_LOCK_BUCKETS; i++)
        assert_null(locks.files[i]);
    kfs_locks_release(&locks);
    return 0;
}

static struct kfs_lock range(unsigned int owner, int type, uint64_t start, uint64_t last)
{
    return (struct kfs_lock){KFS_LOCK_FCNTL, type, owner, &handles[owner], start, last, (pid_t)owner};
}

static int set(unsigned int owner, int type, uint64_t start, uint64_t last)
{
    struct kfs_lock lock = range(owner, type, start, last);

    return kfs_locks_set(&locks, FILE_KEY, &lock, NULL);
}

static int set_flock(unsigned int owner, int type, struct kfs_lock_wait *wait)
{
    struct kfs_lock lock = range(owner, type, 0, KFS_LOCK_LAST);

    lock.kind = KFS_LOCK_FLOCK;
    return kfs_locks_set(&locks, FILE_KEY, &lock, wait);
}

static void ranges_replace_what_their_owner_had(void **state)
{
    (void)state;
    assert_int_equal(set(1, F_WRLCK, 0, KFS_LOCK_LAST), 0);
    assert_int_equal(set(2, F_RDLCK, 5, 5), -EAGAIN);
    assert_int_equal(set(1, F_UNLCK, 10, 19), 0); /* splits it */
    assert_int_equal(set(2, F_WRLCK, 10, 19), 0);
    assert_int_equal(set(2, F_RDLCK, 9, 10), -EAGAIN);
    assert_int_equal(set(2, F_RDLCK, 19, 20), -EAGAIN);
    assert_int_equal(set(1, F_RDLCK, 0, 9), 0); /* from writing to reading */
    assert_int_equal(set(2, F_RDLCK, 9, 19), 0);
    assert_int_equal(set(1, F_WRLCK, 0, 9), -EAGAIN);
    assert_int_equal(set(1, F_WRLCK, 0, 8), 0);
    assert_int_equal(set(1, F_UNLCK, 0, KFS_LOCK_LAST), 0);
    assert_int_equal(set(3, F_WRLCK, 0, 8), 0);
}

static void get_tells_of_a_conflict(void **state)
{
    struct kfs_lock lock = range(2, F_RDLCK, 0, KFS_LOCK_LAST);

    (void)state;
    kfs_locks_get(&locks, FILE_KEY, &lock);
    assert_int_equal(lock.type, F_UNLCK);
    assert_int_equal(set(1, F_WRLCK, 3, 7), 0);
    lock = range(2, F_RDLCK, 0, KFS_LOCK_LAST);
    kfs_locks_get(&locks, FILE_KEY, &lock);
    assert_int_equal(lock.type, F_WRLCK);
    assert_int_equal(lock.start, 3);
    assert_int_equal(lock.last, 7);
    assert_int_equal(lock.pid, 1);
    lock = range(1, F_WRLCK, 0, KFS_LOCK_LAST);
    kfs_locks_get(&locks, FILE_KEY, &lock);
    assert_int_equal(lock.type, F_UNLCK);
}

static void the_two_kinds_do_not_meet(void **state)
{
    (void)state;
    assert_int_equal(set(1, F_WRLCK, 0, KFS_LOCK_LAST), 0);
    assert_int_equal(set_flock(2, F_WRLCK, NULL), 0);
    kfs_locks_drop(&locks, FILE_KEY, 2, NULL); /* a close ends fcntl's */
    assert_int_equal(set_flock(3, F_RDLCK, NULL), -EAGAIN);
    kfs_locks_drop(&locks, FILE_KEY, 1, NULL);
    assert_int_equal(set(3, F_WRLCK, 0, 0), 0);
}

static int results[4];

static void remember(struct kfs_lock_wait *wait, int error)
{
    results[wait->lock.owner] = error;
}

static void waits_end_in_their_order(void **state)
{
    struct kfs_lock_wait waits[4] = {{.done = remember}, {.done = remember}, {.done = remember}, {.done = remember}};

    (void)state;
    for (int i = 0; i < 4; i++)
        results[i] = 1;
    assert_int_equal(set_flock(0, F_WRLCK, NULL), 0);
    assert_int_equal(set_flock(1, F_RDLCK, &waits[1]), KFS_LOCK_WAITS);
    assert_int_equal(set_flock(2, F_WRLCK, &waits[2]), KFS_LOCK_WAITS);
    assert_int_equal(set_flock(3, F_RDLCK, &waits[3]), KFS_LOCK_WAITS);
    assert_int_equal(set_flock(0, F_RDLCK, NULL), 0); /* the readers can */
    assert_int_equal(results[1], 0);
    assert_int_equal(results[2], 1);
    assert_int_equal(results[3], 0);
    assert_false(kfs_locks_cancel(&locks, &waits[1]));
    kfs_locks_drop(&locks, FILE_KEY, 0, &handles[0]);
    kfs_locks_drop(&locks, FILE_KEY, 0, &handles[1]);
    assert_int_equal(results[2], 1);
    assert_int_equal(set_flock(3, F_UNLCK, NULL), 0);
    assert_int_equal(results[2], 0);
}

static void a_wait_is_cancelled_before_and_after_it_begins(void **state)
{
    struct kfs_lock_wait wait = {.done = remember};
    struct kfs_lock_wait late = {.done = remember};

    (void)state;
    assert_int_equal(set_flock(0, F_WRLCK, NULL), 0);
    assert_int_equal(set_flock(1, F_WRLCK, &wait), KFS_LOCK_WAITS);
    assert_true(kfs_locks_cancel(&locks, &wait));
    assert_false(kfs_locks_cancel(&locks, &late));
    assert_int_equal(set_flock(2, F_WRLCK, &late), -EINTR);
}

/* Two that read and both want to write: the second gets it, as with Linux. */
static void a_conversion_gives_up_what_it_had(void **state)
{
    struct kfs_lock_wait wait = {.done = remember};

    (void)state;
    results[1] = 1;
    assert_int_equal(set_flock(1, F_RDLCK, NULL), 0);
    assert_int_equal(set_flock(2, F_RDLCK, NULL), 0);
    assert_int_equal(set_flock(1, F_WRLCK, &wait), KFS_LOCK_WAITS);
    assert_int_equal(set_flock(2, F_WRLCK, NULL), 0);
    assert_int_equal(results[1], 1);
    assert_int_equal(set_flock(2, F_UNLCK, NULL), 0);
    assert_int_equal(results[1], 0);
}

static void stopping_ends_waits(void **state)
{
    struct kfs_lock_wait wait = {.done = remember};

    (void)state;
    assert_int_equal(set_flock(0, F_WRLCK, NULL), 0);
    assert_int_equal(set_flock(1, F_WRLCK, &wait), KFS_LOCK_WAITS);
    kfs_locks_end(&locks);
    assert_int_equal(results[1], -ENOLCK);
    wait = (struct kfs_lock_wait){.done = remember};
    assert_int_equal(set_flock(1, F_WRLCK, &wait), -ENOLCK);
}

static void there_is_a_most(void **state)
{
    (void)state;
    for (uint64_t i = 1; i < KFS_LOCKS_MAX; i++)
        assert_int_equal(set(1, F_WRLCK, 2 * i, 2 * i), 0);
    assert_int_equal(set(1, F_WRLCK, 1, 1), -ENOLCK);
    assert_int_equal(set(1, F_UNLCK, 0, KFS_LOCK_LAST), 0);
    assert_int_equal(set(1, F_WRLCK, 1, 1), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(ranges_replace_what_their_owner_had),
        CASE(get_tells_of_a_conflict),
        CASE(the_two_kinds_do_not_meet),
        CASE(waits_end_in_their_order),
        CASE(a_wait_is_cancelled_before_and_after_it_begins),
        CASE(a_conversion_gives_up_what_it_had),
        CASE(stopping_ends_waits),
        CASE(there_is_a_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
