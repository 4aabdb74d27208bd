/* The spool of a shard: a log of what was written here, how far the endpoint has
 * acknowledged it, and what it refused. The invariants are in docs/REMOTE.md section 2. */
#ifndef KFS_KINESIS_SPOOL_H
#define KFS_KINESIS_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/io.h"
#include "backend/base/record.h"

struct remote_spool;

struct remote_spool_config {
    const struct kfs_io *io;
    const struct kfs_clock *clock;
    uint64_t segment_bytes;
};

struct remote_spool_state {
    uint64_t settled;     /* offset of the first record that is not settled */
    uint64_t end;         /* where the next record will begin */
    uint64_t next_record; /* its ordinal */
    uint64_t acked_total; /* records acknowledged since ever */
    uint64_t dead;        /* records in the log of dead letters */
    struct kfs_seq last;  /* the greatest number acknowledged; none */
};

/* Opens the spool in a shard's directory, of which the caller keeps the descriptor; made
 * where it is not there. */
int remote_spool_open(const struct remote_spool_config *config, int dir, struct remote_spool **spool,
                      struct kfs_error *err);
int remote_spool_close(struct remote_spool *spool); /* syncs; takes NULL. -EIO where that failed */

/* Any thread. *offset is where the first record begins. */
int remote_spool_append(struct remote_spool *spool, const struct kfs_put *puts, size_t n, uint64_t *offset,
                        struct kfs_error *err);
void remote_spool_state(struct remote_spool *spool, struct remote_spool_state *state);

/* When the oldest record that is not settled was written, by the wall clock; 0: there is none. */
uint64_t remote_spool_oldest_ms(struct remote_spool *spool);

/* -EIO where the first record that is not settled is damaged. */
int remote_spool_check(struct remote_spool *spool, struct kfs_error *err);

/* The rest is for one thread at a time. */
int remote_spool_read(struct remote_spool *spool, uint64_t offset, const struct kfs_limit *limit,
                      struct kfs_batch *batch, struct kfs_error *err);
/* The position is now `settled`, `acked` records more have been acknowledged, the greatest as `last` (none: as it was).
 */
int remote_spool_settle(struct remote_spool *spool, uint64_t settled, uint64_t acked, const struct kfs_seq *last,
                        struct kfs_error *err);
/* Keeps a record that was refused, durably. */
int remote_spool_bury(struct remote_spool *spool, const struct kfs_record *record, struct kfs_error *err);

/* Any thread: what is done every sync interval. Syncs the log and the position, removes what is settled. */
int remote_spool_tidy(struct remote_spool *spool, struct kfs_error *err);

/* Any thread. Puts the dead letters behind what is in the spool, and forgets them as dead letters. *bytes is what the
 * spool has more, also after a failure. */
int remote_spool_resend(struct remote_spool *spool, uint64_t *bytes, struct kfs_error *err);
int remote_spool_drop(struct remote_spool *spool, struct kfs_error *err); /* only forgets them */
/* Oldest first; stops when visit returns non-zero, and returns that. */
int remote_spool_list_dead(struct remote_spool *spool, int (*visit)(void *arg, const struct kfs_record *record),
                           void *arg, struct kfs_error *err);

#endif
