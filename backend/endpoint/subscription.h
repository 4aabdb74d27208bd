/* A SubscribeToShard that is under way: what is to be sent on it, and when. */
#ifndef KFS_ENDPOINT_SUBSCRIPTION_H
#define KFS_ENDPOINT_SUBSCRIPTION_H

#include "backend/endpoint/api.h"

#define KFS_SUBSCRIPTION_LIFE_MS 300000
#define KFS_SUBSCRIPTION_IDLE_MS 4500     /* an event is sent after so long without one */
#define KFS_SUBSCRIPTION_TAKEOVER_MS 5000 /* how old one must be before another may take its place */

enum kfs_subscription_state {
    KFS_SUBSCRIPTION_WAITS, /* for a wake, or for *wait_ms */
    KFS_SUBSCRIPTION_MORE,  /* there may be more at once */
    KFS_SUBSCRIPTION_ENDED  /* what was appended is the last */
};

/* Appends the messages that are due to buf, a few MiB at most. One thread at a time. */
enum kfs_subscription_state kfs_subscription_next(struct kfs_api_subscription *s, struct kfs_buf *buf,
                                                  uint32_t *wait_ms);

/* Has wake called whenever kfs_subscription_next may have something new: on any thread, perhaps
 * under a lock of the backend's, so it may only queue. Once; not after kfs_subscription_free has returned. */
void kfs_subscription_watch(struct kfs_api_subscription *s, void (*wake)(void *arg), void *arg);
void kfs_subscription_free(struct kfs_api_subscription *s); /* takes NULL */

#endif
