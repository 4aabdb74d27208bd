/* The contract suite against the reference backend, which the suite's own
 * random history test compares others with. */
#include "tests/support/contract.h"
#include "tests/support/memory.h"

static int open_memory(struct contract_subject *subject, const struct kfs_clock *clock, struct kfs_backend **b)
{
    (void)subject;
    *b = memory_open(clock);
    return 0;
}

int main(void)
{
    struct contract_subject subject = {
        .name = "memory",
        .exact_horizon = true,
        .seen_at_once = true,
        .amazon_numbers = true,
        .open = open_memory,
    };

    return contract_run(&subject);
}
