/* Subscriptions that are being served: one thread sends the events of all. */
#ifndef KFS_ENDPOINT_HUB_H
#define KFS_ENDPOINT_HUB_H

#include "backend/endpoint/http.h"
#include "backend/endpoint/subscription.h"

struct kfs_hub;

int kfs_hub_start(struct kfs_hub **hub, struct kfs_error *err);

/* Begins the response and takes over both. */
void kfs_hub_add(struct kfs_hub *hub, struct kfs_http_exchange *x, const struct kfs_http_response *response,
                 struct kfs_api_subscription *subscription);

/* After the server of its exchanges has stopped. */
void kfs_hub_stop(struct kfs_hub *hub);

#endif
