/* Timers of one thread: a binary heap by due time. */
#ifndef KFS_BASE_TIMER_H
#define KFS_BASE_TIMER_H

#include <stddef.h>
#include <stdint.h>

#define KFS_NEVER UINT64_MAX

struct kfs_timer { /* all zero but fire: not set */
    uint64_t due_ms;
    size_t place;  /* in the heap, from 1; 0 while not set */
    uint64_t turn; /* of kfs_timers.turn, when it was set */
    void (*fire)(struct kfs_timer *timer);
};

struct kfs_timers { /* all zero: none */
    struct kfs_timer **heap;
    size_t n;
    size_t cap;
    uint64_t turn; /* how often they have been run */
};

void kfs_timers_release(struct kfs_timers *timers); /* no timer may be set */

/* Sets or moves. -ENOMEM only where the timer was not set, and it is not then. */
int kfs_timer_set(struct kfs_timers *timers, struct kfs_timer *timer, uint64_t due_ms);
void kfs_timer_cancel(struct kfs_timers *timers, struct kfs_timer *timer);

/* When the first is due; KFS_NEVER without any. */
uint64_t kfs_timers_next(const struct kfs_timers *timers);

/* One turn: cancels and fires those that are due at now_ms. They may cancel timers, and set them, not to before now_ms:
 * those wait for the next turn, so that whoever runs them does the rest of his work between. */
void kfs_timers_run(struct kfs_timers *timers, uint64_t now_ms);

#endif
