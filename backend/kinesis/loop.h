/* A thread that carries out transfers, timers and tasks, one after the other: what runs on it needs no lock
 * against the rest, and must not block. Hundreds of shards are state machines on one loop. */
#ifndef KFS_KINESIS_LOOP_H
#define KFS_KINESIS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/timer.h"

struct kfs_loop;
struct kfs_transfer;

/* Work for the loop's thread. Owned by who posts it, who sets run; all else zero. */
struct kfs_task {
    void (*run)(struct kfs_task *task);
    struct kfs_task *next;
    bool queued;
};

/* clock is borrowed. -ENOMEM, -EAGAIN (no thread). */
int kfs_loop_start(const struct kfs_clock *clock, struct kfs_loop **loop, struct kfs_error *err);

/* Runs what was posted, ends the thread and frees. No timer is set and no transfer under way any more; not on
 * the loop's thread. Takes NULL. */
void kfs_loop_stop(struct kfs_loop *loop);

/* Any thread. Tasks run in the order in which they were posted; one that waits already stays where it is. */
void kfs_loop_post(struct kfs_loop *loop, struct kfs_task *task);

/* Takes a task back that was posted and has not begun. Any thread; only on the loop's own is it certain that the
 * task is not running meanwhile. */
void kfs_loop_unpost(struct kfs_loop *loop, struct kfs_task *task);

/* Runs fn(arg) on the loop's thread and waits for its end; at once where that is the caller's. */
void kfs_loop_call(struct kfs_loop *loop, void (*fn)(void *arg), void *arg);

bool kfs_loop_here(const struct kfs_loop *loop); /* on its thread */

/* The rest: on the loop's thread only. */

uint64_t kfs_loop_now(const struct kfs_loop *loop); /* monotonic ms of the loop's clock */

/* Sets or moves a timer, to fire in after_ms. -ENOMEM only where it was not set. */
int kfs_loop_at(struct kfs_loop *loop, struct kfs_timer *timer, uint64_t after_ms);
void kfs_loop_cancel(struct kfs_loop *loop, struct kfs_timer *timer);

/* Starts a transfer (transfer.h); its done is called later, never from in here. -ENOMEM. */
int kfs_loop_transfer(struct kfs_loop *loop, struct kfs_transfer *transfer);

/* Ends one that is under way, without its done. */
void kfs_loop_abandon(struct kfs_loop *loop, struct kfs_transfer *transfer);

#endif
