#include "backend/endpoint/http_timer.h"

#include <errno.h>
#include <stdlib.h>

void kfs_http_timers_release(struct kfs_http_timers *timers)
{
    free(timers->heap);
    *timers = (struct kfs_http_timers){0};
}

static void put(struct kfs_http_timers *timers, size_t place, struct kfs_http_timer *timer)
{
    timers->heap[place - 1] = timer;
    timer->place = place;
}

static void rise(struct kfs_http_timers *timers, struct kfs_http_timer *timer)
{
    size_t place = timer->place;

    while (place > 1 && timers->heap[place / 2 - 1]->due_ms > timer->due_ms) {
        put(timers, place, timers->heap[place / 2 - 1]);
        place /= 2;
    }
    put(timers, place, timer);
}

static void sink(struct kfs_http_timers *timers, struct kfs_http_timer *timer)
{
    size_t place = timer->place;

    for (size_t child; (child = place * 2) <= timers->n; place = child) {
        if (child < timers->n && timers->heap[child]->due_ms < timers->heap[child - 1]->due_ms)
            child++;
        if (timers->heap[child - 1]->due_ms >= timer->due_ms)
            break;
        put(timers, place, timers->heap[child - 1]);
    }
    put(timers, place, timer);
}

int kfs_http_timer_set(struct kfs_http_timers *timers, struct kfs_http_timer *timer, uint64_t due_ms)
{
    if (timer->place == 0) {
        if (timers->n == timers->cap) {
            size_t cap = timers->cap == 0 ? 64 : timers->cap * 2;
            struct kfs_http_timer **heap = realloc(timers->heap, cap * sizeof(struct kfs_http_timer *));
            if (heap == NULL)
                return -ENOMEM;
            timers->heap = heap;
            timers->cap = cap;
        }
        put(timers, ++timers->n, timer);
    }
    timer->due_ms = due_ms;
    rise(timers, timer);
    sink(timers, timer);
    return 0;
}

void kfs_http_timer_cancel(struct kfs_http_timers *timers, struct kfs_http_timer *timer)
{
    size_t place = timer->place;

    if (place == 0)
        return;
    timer->place = 0;
    struct kfs_http_timer *last = timers->heap[--timers->n];
    if (last == timer)
        return;
    put(timers, place, last);
    rise(timers, last);
    sink(timers, last);
}

uint64_t kfs_http_timers_next(const struct kfs_http_timers *timers)
{
    return timers->n == 0 ? KFS_HTTP_NEVER : timers->heap[0]->due_ms;
}

void kfs_http_timers_run(struct kfs_http_timers *timers, uint64_t now_ms)
{
    while (kfs_http_timers_next(timers) <= now_ms) {
        struct kfs_http_timer *timer = timers->heap[0];
        kfs_http_timer_cancel(timers, timer);
        timer->fire(timer);
    }
}
