/* Condition variables that are waited for so long at most, by the monotonic clock: no one sets that. */
#ifndef KFS_BASE_COND_H
#define KFS_BASE_COND_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

void kfs_cond_init(pthread_cond_t *cond); /* to be destroyed with pthread_cond_destroy */

/* False: the time is over. As pthread_cond_wait it may return for no reason. */
bool kfs_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t ms);

#endif
