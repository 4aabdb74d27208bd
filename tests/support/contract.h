/* The contract suite: what backend.h promises, tested against any backend.
 *
 *     static struct contract_subject subject = {.name = "…", .open = …};
 *     int main(void) { return contract_run(&subject); }
 *
 * A test is a function in contract_*.c; each gets a backend of its own and a
 * clock that only the test moves. */
#ifndef KFS_TESTS_CONTRACT_H
#define KFS_TESTS_CONTRACT_H

#include <stdbool.h>

#include "backend/backend.h"
#include "backend/base/clock.h"

struct contract_subject {
    const char *name;
    void *ctx;            /* the subject's own */
    const char *left_out; /* names of tests that are not run, with a blank before and behind each; may be NULL */

    /* Retention removes each record at the next call after it has become too
     * old, and a closed shard likewise. Where false it may come late: `start`
     * may be lower, what lies below `start` still be read, and the shard still
     * be listed. */
    bool exact_horizon;
    /* What kfs_append returned 0 for can be read at once; else when kfs_sync is done and kfs_catch_up has returned. */
    bool seen_at_once;
    /* No record has more than KFS_RECORD_BYTES_MAX bytes of data and key together; else of data. */
    bool key_counts;
    /* A resize at most doubles or halves at a time: which shards there are between is its own business. */
    bool resizes_in_steps;
    /* Creation times are told in whole seconds, and by so much too early. */
    bool whole_seconds;
    uint64_t creation_early_ms;
    /* What is the endpoint's affair, and not like Amazon's: bounds between first shards are off by that many keys; no
     * record limit but the default; a resize that does not make equal ranges; a closed shard that is not said to end
     * where its last record has been read. For random histories. */
    uint32_t bounds_off;
    bool fixed_record_limit;
    bool uneven_resize;
    bool ends_late;
    /* Sequence numbers are in the layout of seqnum.h. */
    bool amazon_numbers;

    /* Tells an endpoint in another process what time it is: before open, and whenever the test moves the clock. May be
     * NULL. */
    void (*set_time)(struct contract_subject *subject, uint64_t wall_ms);
    /* An empty backend; 0 or -errno. The clock lives until discard. */
    int (*open)(struct contract_subject *subject, const struct kfs_clock *clock, struct kfs_backend **b);
    /* After kfs_backend_close: what was there, opened again. NULL where nothing outlives the backend. */
    int (*reopen)(struct contract_subject *subject, const struct kfs_clock *clock, struct kfs_backend **b);
    /* After kfs_backend_close: removes what open made. May be NULL. */
    void (*discard)(struct contract_subject *subject);
};

/* Runs everything; returns the number of tests that failed. */
int contract_run(struct contract_subject *subject);

#endif
