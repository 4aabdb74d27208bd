#include "backend/base/timer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

void kfs_timers_release(struct kfs_timers *timers)
{
    free(timers->heap);
    *timers = (struct kfs_timers){0};
}

static void put(struct kfs_timers *timers, size_t place, struct kfs_timer *timer)
{
    timers->heap[place - 1] = timer;
    timer->place = place;
}

static bool before(const struct kfs_timer *a, const struct kfs_timer *b)
{
    return a->due_ms < b->due_ms || (a->due_ms == b->due_ms && a->turn < b->turn);
}

static void rise(struct kfs_timers *timers, struct kfs_timer *timer)
{
    size_t place = timer->place;

    while (place > 1 && before(timer, timers->heap[place / 2 - 1])) {
        put(timers, place, timers->heap[place / 2 - 1]);
        place /= 2;
    }
    put(timers, place, timer);
}

static void sink(struct kfs_timers *timers, struct kfs_timer *timer)
{
    size_t place = timer->place;

    for (size_t child; (child = place * 2) <= timers->n; place = child) {
        if (child < timers->n && before(timers->heap[child], timers->heap[child - 1]))
            child++;
        if (!before(timers->heap[child - 1], timer))
            break;
        put(timers, place, timers->heap[child - 1]);
    }
    put(timers, place, timer);
}

int kfs_timer_set(struct kfs_timers *timers, struct kfs_timer *timer, uint64_t due_ms)
{
    if (timer->place == 0) {
        if (timers->n == timers->cap) {
            size_t cap = timers->cap == 0 ? 64 : timers->cap * 2;
            struct kfs_timer **heap = realloc(timers->heap, cap * sizeof(struct kfs_timer *));
            if (heap == NULL)
                return -ENOMEM;
            timers->heap = heap;
            timers->cap = cap;
        }
        put(timers, ++timers->n, timer);
    }
    timer->due_ms = due_ms;
    timer->turn = timers->turn;
    rise(timers, timer);
    sink(timers, timer);
    return 0;
}

void kfs_timer_cancel(struct kfs_timers *timers, struct kfs_timer *timer)
{
    size_t place = timer->place;

    if (place == 0)
        return;
    timer->place = 0;
    struct kfs_timer *last = timers->heap[--timers->n];
    if (last == timer)
        return;
    put(timers, place, last);
    rise(timers, last);
    sink(timers, last);
}

uint64_t kfs_timers_next(const struct kfs_timers *timers)
{
    return timers->n == 0 ? KFS_NEVER : timers->heap[0]->due_ms;
}

void kfs_timers_run(struct kfs_timers *timers, uint64_t now_ms)
{
    const uint64_t turn = ++timers->turn;

    while (kfs_timers_next(timers) <= now_ms && timers->heap[0]->turn < turn) {
        struct kfs_timer *timer = timers->heap[0];
        kfs_timer_cancel(timers, timer);
        timer->fire(timer);
    }
}
