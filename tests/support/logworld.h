/* A log under test, and what it must hold: an array of records beside it. */
#ifndef KFS_TESTS_LOGWORLD_H
#define KFS_TESTS_LOGWORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/log/log.h"
#include "tests/support/simdisk.h"

#define WORLD_AGGREGATE ((size_t)33) /* a record of this length is framed as an aggregate, no other is */
#define WORLD_START_MS UINT64_C(1700000000000)

struct world_record {
    struct kfs_seq seq; /* none where it is not known: the append had not returned */
    uint64_t arrival_ms;
    uint64_t offset;
    size_t len;
    size_t key_len;
    uint64_t seed; /* makes data and key */
};

struct world {
    struct simdisk *disk; /* NULL on real files; owned */
    const struct kfs_io *io;
    int dir; /* on real files: opened anew as "." for each log; -1 */
    struct kfs_clock clock;
    uint64_t now_ms;
    uint64_t epoch;
    uint64_t segment_bytes;
    uint64_t random;
    struct kfs_log *log;
    struct kfs_error err;

    struct world_record *records; /* by ordinal */
    size_t n;
    size_t cap;
    size_t acked;             /* records whose append returned */
    size_t synced;            /* records that a sync that returned has covered */
    uint64_t horizon;         /* no record from here on may be missing */
    uint64_t durable_horizon; /* nothing below may come back */
    uint64_t aggregates_from; /* no mark was ever asked for below; UINT64_MAX: none at all */
    struct kfs_seq highest;   /* number ever given */
    char note[240];           /* printed where a check fails */
};

void world_init(struct world *w, struct simdisk *disk, uint64_t segment_bytes);
void world_release(struct world *w);
/* The same records, over another disk (which it takes), with no log open. */
void world_fork(struct world *w, const struct world *from, struct simdisk *disk);

/* Opens the log with the next epoch; fails the test unless it is sound. */
void world_open(struct world *w);
int world_try_open(struct world *w);
int world_close(struct world *w);
void world_reopen(struct world *w);

/* Appends n records of these lengths, and adds them to the model where that
 * succeeds. Where the disk has stopped they stay beyond `acked`. */
int world_append(struct world *w, const size_t *lens, size_t n);
int world_append_one(struct world *w, size_t len);
/* A length as records have them: empty, short, sometimes many pages. */
size_t world_len(struct world *w);
int world_sync(struct world *w);
/* Trims, and moves the model's horizon where that succeeds. */
int world_trim_size(struct world *w, uint64_t bytes);
int world_trim_age(struct world *w, uint64_t cutoff_ms, bool durable);

/* A step of a short history:
 *   a e 3 P L  append: one record, an empty one, three at once, as many as fill
 *              index pages, one of several sectors
 *   g G        the same: an aggregate; two behind another record
 *   s          sync
 *   r          close and open
 *   t h        retention: by size, all but the active segment; by age, durably, up to now
 *   + -        the clock goes on, or back
 * Nothing that fails is reported; an open that fails is tried once more. */
void world_step(struct world *w, char what);

/* The ordinal of the first record that begins at an offset or later; n where there is none. */
size_t world_ordinal_at(const struct world *w, uint64_t offset);

/* The log holds exactly the model's records from the horizon on. */
void world_check(struct world *w);
/* The same by every position type and at random limits, `rounds` times. */
void world_check_positions(struct world *w, size_t rounds);

/* After a crash: takes what the log holds for the model, after a check that it is
 * a prefix of what was appended and has at least `least` records. */
void world_adopt(struct world *w, size_t least);

/* The record's data into buf, which has room for one byte more: a newline. */
void world_data(const struct world_record *r, char *buf);
void world_key(const struct world_record *r, char *buf);
/* Bytes [from, from + len) of the default view as the model has them. */
void world_bytes(const struct world *w, uint64_t from, char *buf, size_t len);
uint64_t world_end(const struct world *w);

void world_failed(const struct world *w, const char *what, const char *file, int line);
#define CHECK(w, condition)                                                                                            \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            world_failed(w, #condition, __FILE__, __LINE__);                                                           \
    } while (0)

#endif
