#include "backend/base/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MANY 500

struct bell {
    struct kfs_timer timer; /* first: fire casts back */
    struct kfs_timers *timers;
    uint64_t due_ms;
    unsigned rung;
};

static uint64_t rung_ms; /* of the bell that rang last */

static void ring(struct kfs_timer *timer)
{
    struct bell *b = (struct bell *)timer;

    assert_int_equal(timer->place, 0);
    assert_true(b->due_ms >= rung_ms);
    rung_ms = b->due_ms;
    b->rung++;
}

static void ring_again(struct kfs_timer *timer)
{
    struct bell *b = (struct bell *)timer;

    b->rung++;
    assert_int_equal(kfs_timer_set(b->timers, timer, b->due_ms), 0);
}

static void silence(struct kfs_timer *timer)
{
    struct bell *b = (struct bell *)timer;

    b->rung++;
    kfs_timer_cancel(b->timers, &b[1].timer);
}

static void set(struct kfs_timers *timers, struct bell *b, void (*fire)(struct kfs_timer *timer), uint64_t due_ms)
{
    b->timer.fire = fire;
    b->timers = timers;
    b->due_ms = due_ms;
    assert_int_equal(kfs_timer_set(timers, &b->timer, due_ms), 0);
}

static void they_fire_in_order_once(void **state)
{
    struct bell *bells = calloc(MANY, sizeof *bells);
    struct kfs_timers timers = {0};

    (void)state;
    assert_non_null(bells);
    rung_ms = 0;
    for (size_t i = 0; i < MANY; i++)
        set(&timers, &bells[i], ring, 1000);
    for (size_t i = 0; i < MANY; i++) /* moved */
        set(&timers, &bells[i], ring, i * 7919 % 101);
    for (size_t i = 0; i < MANY; i += 3)
        kfs_timer_cancel(&timers, &bells[i].timer);
    assert_int_equal(kfs_timers_next(&timers), 0);
    kfs_timers_run(&timers, 49);
    assert_int_equal(rung_ms, 49);
    assert_int_equal(kfs_timers_next(&timers), 50);
    kfs_timers_run(&timers, 100);
    assert_int_equal(kfs_timers_next(&timers), KFS_NEVER);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(bells[i].rung, i % 3 == 0 ? 0 : 1);
    kfs_timers_release(&timers);
    free(bells);
}

static void one_that_is_set_by_another_waits_for_the_next_turn(void **state)
{
    struct kfs_timers timers = {0};
    struct bell bells[3] = {0};

    (void)state;
    rung_ms = 0;
    set(&timers, &bells[0], ring_again, 5);
    set(&timers, &bells[1], ring, 5);
    set(&timers, &bells[2], ring, 5);
    for (unsigned turn = 1; turn <= 3; turn++) {
        kfs_timers_run(&timers, 5);
        assert_int_equal(bells[0].rung, turn);
        assert_int_equal(bells[1].rung, 1); /* it holds up no other */
        assert_int_equal(bells[2].rung, 1);
        assert_int_equal(kfs_timers_next(&timers), 5); /* and is not lost */
    }
    kfs_timer_cancel(&timers, &bells[0].timer);
    kfs_timers_release(&timers);
}

static void one_that_another_cancels_does_not_fire(void **state)
{
    struct kfs_timers timers = {0};
    struct bell bells[2] = {0};

    (void)state;
    set(&timers, &bells[0], silence, 1);
    set(&timers, &bells[1], ring, 2);
    kfs_timers_run(&timers, 2);
    assert_int_equal(bells[0].rung, 1);
    assert_int_equal(bells[1].rung, 0);
    assert_int_equal(kfs_timers_next(&timers), KFS_NEVER);
    kfs_timers_release(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_fire_in_order_once),
        cmocka_unit_test(one_that_is_set_by_another_waits_for_the_next_turn),
        cmocka_unit_test(one_that_another_cancels_does_not_fire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
