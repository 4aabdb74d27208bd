/* The shard log: an append-only sequence of records on disk.
 *
 * docs/FORMAT.md is its contract with the disk, and gives the numbered
 * invariants and the argument why each crash point is safe. This is its
 * contract with the program.
 *
 * One process has a log open at a time; the caller sees to that. Any thread may
 * call anything; a reader is used by one thread at a time. Appends exclude each
 * other, syncs exclude each other, readers exclude no one.
 *
 * Results are 0 or a count, or -errno. -EIO means that the log is damaged where
 * the call looked, or that it takes no more appends since a sync failed. */
#ifndef KFS_LOG_LOG_H
#define KFS_LOG_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/io.h"
#include "backend/base/record.h"

struct kfs_log;
struct kfs_log_reader;

struct kfs_log_config {
    const struct kfs_io *io;
    const struct kfs_clock *clock;
    uint64_t segment_bytes;    /* a segment that has as many takes no further append; at least 1 */
    struct kfs_seq floor;      /* the next record's number will exceed it, and any in the log */
    uint64_t arrival_floor_ms; /* no record will have arrived before */
};

struct kfs_log_extent {
    uint64_t horizon;      /* the oldest record offered */
    uint64_t kept;         /* the oldest byte still there; at most horizon */
    uint64_t end;          /* the tip */
    uint64_t first_record; /* ordinal of the record at horizon */
    uint64_t next_record;
    uint64_t last_arrival_ms; /* 0 where there never was a record */
    struct kfs_seq last;      /* of the newest record; none where there never was one */
    uint64_t aggregates_from; /* as in struct kfs_extent of backend.h */
};

/* Opens the log in a directory, recovering it. The descriptor becomes the
 * log's, also on failure. Damage found on the way does not fail the open: see
 * kfs_log_damage. */
int kfs_log_open(const struct kfs_log_config *config, int dir, struct kfs_log **log, struct kfs_error *err);

/* Syncs, writes the last checkpoint and frees. Readers must be closed before.
 * -EIO where the sync failed; freed all the same. Takes NULL. */
int kfs_log_close(struct kfs_log *log);

/* 0, or -EIO and the reason why the log takes no appends. */
int kfs_log_damage(struct kfs_log *log, struct kfs_error *err);

void kfs_log_extent(struct kfs_log *log, struct kfs_log_extent *extent);

/* Appends all records or none. Arrival is now (or the last arrival, if the
 * clock stepped back); numbers follow the last one. results may be NULL. The first
 * aggregate in the log has a mark written, which waits for the disk once. */
int kfs_log_append(struct kfs_log *log, const struct kfs_put *puts, size_t n, struct kfs_put_result *results,
                   struct kfs_error *err);

/* The same with records that have their numbers and times already: what a mirror of another
 * store appends. Numbers increase, also from the log's last one (-EINVAL); a time that is
 * before the last one becomes that. offset of the records is not looked at. */
int kfs_log_append_given(struct kfs_log *log, const struct kfs_record *records, size_t n, struct kfs_error *err);

/* Makes durable what was appended before the call. */
int kfs_log_sync(struct kfs_log *log, struct kfs_error *err);

/* True where something was appended that no sync has covered. */
bool kfs_log_dirty(struct kfs_log *log);

/* Whether the record at the horizon arrived before cutoff_ms. Cheap. */
bool kfs_log_has_expired(struct kfs_log *log, uint64_t cutoff_ms);

/* Retention. The horizon moves to the first record that arrived at cutoff_ms
 * or later; segments below it are removed. With `durable` the horizon itself is
 * written even where nothing is removed. */
int kfs_log_trim_age(struct kfs_log *log, uint64_t cutoff_ms, bool durable, struct kfs_error *err);
/* Removes the oldest segments while more than `bytes` are kept. */
int kfs_log_trim_size(struct kfs_log *log, uint64_t bytes, struct kfs_error *err);

/* The horizon moves to an offset where a record begins, or the tip; segments below it are removed.
 * durable as in kfs_log_trim_age. */
int kfs_log_trim_to(struct kfs_log *log, uint64_t offset, bool durable, struct kfs_error *err);

int kfs_log_reader_open(struct kfs_log *log, struct kfs_log_reader **reader);
void kfs_log_reader_close(struct kfs_log_reader *reader);

/* The contracts of kfs_locate, kfs_read, kfs_read_bytes and kfs_read_stored in backend.h. */
int kfs_log_locate(struct kfs_log_reader *reader, const struct kfs_position *position, uint64_t *offset,
                   struct kfs_error *err);
int kfs_log_read(struct kfs_log_reader *reader, uint64_t offset, const struct kfs_limit *limit, struct kfs_batch *batch,
                 struct kfs_error *err);
ssize_t kfs_log_read_bytes(struct kfs_log_reader *reader, uint64_t offset, void *data, size_t len,
                           struct kfs_error *err);
int kfs_log_read_stored(struct kfs_log_reader *reader, uint64_t offset, struct kfs_stored *stored,
                        struct kfs_error *err);

#endif
