/* The contract suite against the remote backend, with an endpoint of our own. */
#include "tests/support/contract.h"
#include "tests/support/remoteworld.h"

static int open_remote(struct contract_subject *subject, const struct kfs_clock *clock, struct kfs_backend **b)
{
    struct remote_world_test *w = subject->ctx;

    remoteworld_start(w, clock);
    return remoteworld_open(w, b);
}

static int reopen_remote(struct contract_subject *subject, const struct kfs_clock *clock, struct kfs_backend **b)
{
    (void)clock;
    return remoteworld_open(subject->ctx, b);
}

static void discard_remote(struct contract_subject *subject)
{
    remoteworld_stop(subject->ctx);
}

int main(void)
{
    static struct remote_world_test world;
    struct contract_subject subject = {
        .name = "kinesis",
        .ctx = &world,
        .key_counts = true,
        .resizes_in_steps = true,
        .whole_seconds = true,
        .amazon_numbers = true,
        .open = open_remote,
        .reopen = reopen_remote,
        .discard = discard_remote,
    };

    return contract_run(&subject);
}
