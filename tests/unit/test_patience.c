/* How patient a thread's caller is. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/base/clock.h"
#include "backend/base/patience.h"

static int woken;

static void wake(void *arg)
{
    (void)arg;
    woken++;
}

static uint64_t now_ms(void)
{
    return kfs_system_clock.mono_ms(kfs_system_clock.ctx);
}

static void who_says_nothing_waits(void **state)
{
    (void)state;
    assert_int_equal(kfs_patience_begin(wake, NULL), 0);
    kfs_patience_end();
    assert_false(kfs_patience_over());
    assert_int_equal(kfs_patience_since(7), 7);
    uint64_t begin = now_ms();
    kfs_patience_sleep(30);
    assert_true(now_ms() - begin >= 29);
}

static void who_tries_is_told_that_something_would_wait(void **state)
{
    const struct kfs_patience_state before = kfs_patience_enter(KFS_TRYING, NULL);

    (void)state;
    assert_false(kfs_patience_refused());
    assert_int_equal(kfs_patience_begin(wake, NULL), -EINPROGRESS);
    assert_true(kfs_patience_refused());
    /* What is within makes do, and says nothing to who is around it. */
    const struct kfs_patience_state around = kfs_patience_enter(KFS_AT_ONCE, NULL);
    assert_int_equal(kfs_patience_begin(wake, NULL), -EAGAIN);
    assert_false(kfs_patience_refused());
    kfs_patience_leave(&around);
    assert_true(kfs_patience_refused());
    kfs_patience_leave(&before);
    assert_int_equal(kfs_patience_ask(), 0);
}

static void an_interruption_wakes_what_waits_and_ends_all_that_follows(void **state)
{
    struct kfs_patience patience;

    (void)state;
    kfs_patience_init(&patience, 5);
    const struct kfs_patience_state before = kfs_patience_enter(KFS_PATIENT, &patience);
    assert_int_equal(kfs_patience_since(7), 5);
    woken = 0;
    assert_int_equal(kfs_patience_begin(wake, NULL), 0);
    kfs_patience_end();
    assert_int_equal(kfs_patience_begin(wake, NULL), 0);
    kfs_patience_interrupt(&patience);
    assert_int_equal(woken, 1);
    assert_true(kfs_patience_over());
    kfs_patience_end();
    kfs_patience_interrupt(&patience); /* nothing waits: no one is woken */
    assert_int_equal(woken, 1);
    assert_int_equal(kfs_patience_begin(wake, NULL), -EINTR);
    kfs_patience_leave(&before);
    kfs_patience_release(&patience);
}

static void *interrupt_soon(void *arg)
{
    (void)usleep(20000);
    kfs_patience_interrupt(arg);
    return NULL;
}

static void a_sleep_is_cut_short(void **state)
{
    struct kfs_patience patience;
    pthread_t thread;

    (void)state;
    kfs_patience_init(&patience, 0);
    const struct kfs_patience_state before = kfs_patience_enter(KFS_PATIENT, &patience);
    uint64_t begin = now_ms();
    assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, &patience), 0);
    kfs_patience_sleep(60000);
    assert_true(now_ms() - begin < 50000);
    kfs_patience_sleep(60000); /* over is over */
    assert_true(now_ms() - begin < 50000);
    assert_int_equal(pthread_join(thread, NULL), 0);
    kfs_patience_leave(&before);
    kfs_patience_release(&patience);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_says_nothing_waits),
        cmocka_unit_test(who_tries_is_told_that_something_would_wait),
        cmocka_unit_test(an_interruption_wakes_what_waits_and_ends_all_that_follows),
        cmocka_unit_test(a_sleep_is_cut_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
