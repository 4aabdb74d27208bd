/* Timers of one thread: a binary heap by due time. */
#ifndef KFS_ENDPOINT_HTTP_TIMER_H
#define KFS_ENDPOINT_HTTP_TIMER_H

#include <stddef.h>
#include <stdint.h>

#define KFS_HTTP_NEVER UINT64_MAX

struct kfs_http_timer { /* all zero but fire: not set */
    uint64_t due_ms;
    size_t place; /* in the heap, from 1; 0 while not set */
    void (*fire)(struct kfs_http_timer *timer);
};

struct kfs_http_timers { /* all zero: none */
    struct kfs_http_timer **heap;
    size_t n;
    size_t cap;
};

void kfs_http_timers_release(struct kfs_http_timers *timers); /* no timer may be set */

/* Sets or moves. -ENOMEM only where the timer was not set, and it is not then. */
int kfs_http_timer_set(struct kfs_http_timers *timers, struct kfs_http_timer *timer, uint64_t due_ms);
void kfs_http_timer_cancel(struct kfs_http_timers *timers, struct kfs_http_timer *timer);

/* When the first is due; KFS_HTTP_NEVER without any. */
uint64_t kfs_http_timers_next(const struct kfs_http_timers *timers);

/* Cancels and fires those that were due at now_ms; they may set and cancel others. */
void kfs_http_timers_run(struct kfs_http_timers *timers, uint64_t now_ms);

#endif
