/* Counters and latencies by operation, in the Prometheus text format. */
#include <inttypes.h>

#include "backend/endpoint/api_internal.h"

#define BUCKET_FIRST_US 100 /* the upper bound of the first bucket; each next one's is double */

void api_count(struct kfs_api *api, size_t operation, bool failed, uint64_t microseconds)
{
    struct api_counters *c = &api->counters[operation];
    uint64_t bound = BUCKET_FIRST_US;
    size_t bucket = 0;

    while (bucket < API_BUCKETS - 1 && microseconds > bound) {
        bound *= 2;
        bucket++;
    }
    atomic_fetch_add(&c->requests, 1);
    atomic_fetch_add(&c->microseconds, microseconds);
    atomic_fetch_add(&c->buckets[bucket], 1);
    if (failed)
        atomic_fetch_add(&c->errors, 1);
}

static const char *name_of(size_t operation)
{
    return operation < api_n_operations ? api_operations[operation].name : "none";
}

static int print_counter(struct kfs_api *api, struct kfs_buf *text, bool errors)
{
    const char *name = errors ? "kinesisfs_api_errors_total" : "kinesisfs_api_requests_total";
    int rc = kfs_buf_printf(text, "# HELP %s %s\n# TYPE %s counter\n", name,
                            errors ? "API requests answered with an error." : "API requests.", name);

    for (size_t i = 0; rc == 0 && i <= api_n_operations; i++) {
        const struct api_counters *c = &api->counters[i];
        if (atomic_load(&c->requests) > 0)
            rc = kfs_buf_printf(text, "%s{operation=\"%s\"} %" PRIuFAST64 "\n", name, name_of(i),
                                errors ? atomic_load(&c->errors) : atomic_load(&c->requests));
    }
    return rc;
}

static int print_histogram(const struct api_counters *c, const char *operation, struct kfs_buf *text)
{
    uint64_t sum = 0;
    uint64_t bound_us = BUCKET_FIRST_US;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < API_BUCKETS - 1; i++, bound_us *= 2) {
        sum += atomic_load(&c->buckets[i]);
        rc = kfs_buf_printf(text, "kinesisfs_api_seconds_bucket{operation=\"%s\",le=\"%g\"} %" PRIu64 "\n", operation,
                            (double)bound_us / 1e6, sum);
    }
    sum += atomic_load(&c->buckets[API_BUCKETS - 1]);
    if (rc == 0)
        rc = kfs_buf_printf(text,
                            "kinesisfs_api_seconds_bucket{operation=\"%s\",le=\"+Inf\"} %" PRIu64
                            "\nkinesisfs_api_seconds_sum{operation=\"%s\"} %g"
                            "\nkinesisfs_api_seconds_count{operation=\"%s\"} %" PRIu64 "\n",
                            operation, sum, operation, (double)atomic_load(&c->microseconds) / 1e6, operation, sum);
    return rc;
}

int kfs_api_metrics(struct kfs_api *api, struct kfs_buf *text)
{
    int rc = print_counter(api, text, false);

    if (rc == 0)
        rc = print_counter(api, text, true);
    if (rc == 0)
        rc = kfs_buf_printf(text,
                            "# HELP kinesisfs_api_subscriptions SubscribeToShard streams that are open.\n"
                            "# TYPE kinesisfs_api_subscriptions gauge\nkinesisfs_api_subscriptions %zu\n",
                            api_subscriptions_open(api));
    if (rc == 0)
        rc = kfs_buf_printf(text, "# HELP kinesisfs_api_seconds Time that API requests took, without the network.\n"
                                  "# TYPE kinesisfs_api_seconds histogram\n");
    for (size_t i = 0; rc == 0 && i <= api_n_operations; i++)
        if (atomic_load(&api->counters[i].requests) > 0)
            rc = print_histogram(&api->counters[i], name_of(i), text);
    return rc;
}
