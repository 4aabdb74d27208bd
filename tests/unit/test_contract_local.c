/* The contract suite against the local backend, twice: as installed, and with
 * segments so small that a test fills many, and a keeper that never rests. */
#include "backend/local/local.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/contract.h"
#include "tests/support/tempdir.h"

#define MIB (UINT64_C(1) << 20)
#define KIB UINT64_C(1024)

struct store {
    char dir[TEMPDIR_PATH_SIZE];
    struct kfs_local_options options;
};

static int reopen_local(struct contract_subject *subject, const struct kfs_clock *clock, struct kfs_backend **b)
{
    struct store *store = subject->ctx;
    struct kfs_error err;
    int rc;

    store->options.clock = clock;
    rc = kfs_local_open(store->dir, &store->options, b, &err);
    if (rc != 0)
        (void)fprintf(stderr, "%s: %s\n", store->dir, err.text);
    return rc;
}

static int open_local(struct contract_subject *subject, const struct kfs_clock *clock, struct kfs_backend **b)
{
    struct store *store = subject->ctx;

    tempdir_make(store->dir);
    return reopen_local(subject, clock, b);
}

static void discard_local(struct contract_subject *subject)
{
    struct store *store = subject->ctx;

    tempdir_remove(store->dir);
}

static int run(const char *name, uint64_t segment_bytes, uint64_t sync_interval_ms)
{
    struct store store = {
        .options =
            {
                .sync_interval_ms = sync_interval_ms,
                .segment_bytes = segment_bytes,
                .region = "local",
                .account = "000000000000",
                .io = &kfs_posix_io,
            },
    };
    struct contract_subject subject = {
        .name = name,
        .ctx = &store,
        .exact_horizon = false,
        .seen_at_once = true,
        .amazon_numbers = true,
        .open = open_local,
        .reopen = reopen_local,
        .discard = discard_local,
    };

    return contract_run(&subject);
}

int main(void)
{
    int failed = run("local", 64 * MIB, 1000);

    return failed + run("local, small segments", 64 * KIB, 10);
}
