/* The Kinesis API: a function from a request to a reply over any backend. It
 * knows no sockets (server.h does); everything may be called from any thread. */
#ifndef KFS_ENDPOINT_API_H
#define KFS_ENDPOINT_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"
#include "backend/base/clock.h"
#include "backend/endpoint/http.h"

#define KFS_API_HEADERS_MAX 12
#define KFS_API_REPLY_BYTES_MAX (64U << 20)

struct kfs_api;
struct kfs_api_subscription; /* a SubscribeToShard that is under way: subscription.h */
struct kfs_keys;

/* Faults for tests of programs: how likely each is, 0 to 1. */
struct kfs_api_faults {
    double throttle; /* ProvisionedThroughputExceededException */
    double error;    /* 500 InternalFailure, nothing done */
    double cut;      /* the connection is cut after the request was carried out */
    uint32_t slow_ms;
};

struct kfs_api_config {
    struct kfs_backend *backend;   /* borrowed, outlives the API */
    const struct kfs_clock *clock; /* borrowed */
    const char *region;            /* where a request names none; borrowed */
    const char *account;           /* 12 digits; borrowed */
    const struct kfs_keys *keys;   /* whose signatures are taken; NULL: any credentials. Borrowed */
    uint64_t status_delay_ms;      /* how long CREATING, UPDATING and DELETING last */
    bool limits;                   /* throughput limits per shard are kept */
    bool sync_always;              /* a put is answered when it survives power loss */
    struct kfs_api_faults faults;
};

int kfs_api_new(const struct kfs_api_config *config, struct kfs_api **api, struct kfs_error *err);
void kfs_api_free(struct kfs_api *api); /* takes NULL; every reply has been released before */

/* What is answered. To be released. */
struct kfs_api_reply {
    int status;
    struct kfs_http_header headers[KFS_API_HEADERS_MAX]; /* values are in text or static */
    size_t n_headers;
    struct kfs_buf text; /* holds header values */
    struct kfs_buf body;
    struct kfs_api_subscription *subscription; /* the body goes on with its events; the receiver's to free */
    uint32_t delay_ms;                         /* injected: answer so much later */
    bool cut;                                  /* injected: cut the connection instead */
};

/* Carries a request out. The request is only read. Always fills the reply. */
void kfs_api_handle(struct kfs_api *api, const struct kfs_http_request *request, struct kfs_api_reply *reply);
void kfs_api_reply_release(struct kfs_api_reply *reply);

/* Whether carrying it out may wait for a disk: then not on a thread that others wait for. */
bool kfs_api_is_slow(const struct kfs_api *api, const struct kfs_http_request *request);

/* Makes the changes of shards whose time has come; a stream's own is made before a request sees it. Returns how many
 * ms the next one has, UINT64_MAX where there is none. Waits for a disk. */
uint64_t kfs_api_settle(struct kfs_api *api);

/* Counters and latencies in the Prometheus text format, appended. */
int kfs_api_metrics(struct kfs_api *api, struct kfs_buf *text);

#endif
