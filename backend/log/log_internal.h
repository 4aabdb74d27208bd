/* The log's own structure; shared by the files of backend/log, no one else. */
#ifndef KFS_LOG_INTERNAL_H
#define KFS_LOG_INTERNAL_H

#include <pthread.h>

#include "backend/log/log.h"
#include "backend/log/segment.h"
#include "backend/log/walk.h"

#define KFS_LOG_SEALED_OPEN_MAX 64    /* each has two files open */
#define KFS_SEGMENT_SLACK (32U << 20) /* a segment may exceed its size by one batch */

/* Lock order: append, trim, sync, state. A lock's members follow it. No call-out is
 * made, and under `state` no I/O, while one is held, but for the I/O that the
 * lock is there to order. */
struct kfs_log {
    struct kfs_log_config config; /* constant */
    int dir;                      /* constant */

    pthread_mutex_t append;
    uint8_t *page;    /* the active segment's last index page, KFS_PAGE bytes; NULL while nothing was appended */
    uint64_t page_no; /* 0 means page is not loaded: the next append does it */
    size_t page_used;
    uint64_t block_arrival_ms;
    bool number_next;      /* the next entry carries its number: it may not follow from the last one's */
    struct kfs_place tail; /* of the next record in the active segment; seq is the last one's */

    pthread_mutex_t trim;
    uint64_t written_horizon; /* what the file says */

    pthread_mutex_t sync;
    pthread_mutex_t state;
    struct kfs_segment **segments; /* by base; the last is active, unless sealed by damage */
    size_t n_segments;
    size_t cap_segments;
    uint64_t open_sealed[KFS_LOG_SEALED_OPEN_MAX]; /* bases of sealed segments whose files are open, a ring */
    size_t n_open_sealed;
    size_t oldest_open_sealed;
    struct kfs_log_extent extent;
    uint64_t horizon_arrival_ms; /* of the record at the horizon; 0 not known */
    bool dirty;
    struct kfs_error failure; /* code 0 while the log takes appends */

    atomic_size_t readers;
};

/* ---- log.c ---- */

/* Remembers the first reason why no more may be appended. Returns -EIO. */
int kfs_log_poison(struct kfs_log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A reference to the segment that holds an offset (the last one for the tip), loaded.
 * limits are what readers may look at. -ESTALE below what is kept. */
struct kfs_segment_view {
    struct kfs_segment *seg; /* a reference */
    uint64_t data_size;
    uint64_t index_size;
    uint64_t aggregates_from; /* of the log; what it says holds for all that may be looked at */
};
int kfs_log_view(struct kfs_log *log, uint64_t offset, struct kfs_segment_view *view, struct kfs_error *err);
int kfs_log_view_nth(struct kfs_log *log, size_t i, struct kfs_segment_view *view, struct kfs_error *err);
size_t kfs_log_segment_count(struct kfs_log *log);

/* Adds a segment at the end. -ENOMEM. Under the append lock or before threads. */
int kfs_log_add_segment(struct kfs_log *log, struct kfs_segment *seg);

/* To be called for a segment that is sealed and loaded: keeps the number of those to
 * KFS_LOG_SEALED_OPEN_MAX, letting the oldest go back to the state before loading. */
void kfs_log_bound_files(struct kfs_log *log, struct kfs_segment *seg);

/* ---- read.c ---- */

struct kfs_log_reader {
    struct kfs_log *log;
    struct kfs_segment_view view; /* the segment of the last read; seg may be NULL */
    struct kfs_walk walk;         /* in that segment */
    struct kfs_walk ends;         /* the same, without numbers: of reading records as they are stored */
    uint64_t sound_from;          /* of it: what lies between was verified by reading record by record */
    uint64_t sound_to;
};

/* Makes the reader look at the segment of an offset. */
int kfs_log_look_at(struct kfs_log_reader *reader, uint64_t offset, struct kfs_error *err);
/* -EIO with a text; of an offset in the segment. */
int kfs_log_damaged(const struct kfs_log_reader *reader, uint64_t in_segment, struct kfs_error *err);

/* ---- recover.c ---- */
int kfs_log_recover(struct kfs_log *log, struct kfs_error *err);
/* Those of a segment, as far as they are there: the index first. */
int kfs_log_remove_files(struct kfs_log *log, uint64_t base);

/* ---- verify.c ---- */

/* A place to read data into: the window around the last record. */
struct kfs_window {
    struct kfs_segment *seg; /* borrowed */
    uint64_t size;           /* of the data that may be read */
    uint64_t start;          /* of what data holds */
    size_t len;
    char *data; /* KFS_WINDOW bytes, or one large record; owned */
    size_t cap;
    struct kfs_bytes held; /* what the caller has read already; borrowed, may be empty */
    uint64_t held_start;
    uint64_t end; /* where what is held ends, or more will be asked for */
    int failure;  /* of the last read that failed; 0 */
};
#define KFS_WINDOW (64U << 10)

void kfs_window_release(struct kfs_window *window);
/* The bytes of a record and its newline, in the window. -EIO where they are not there. */
int kfs_window_get(struct kfs_window *window, uint64_t offset, size_t len, const char **data);
/* Reads and verifies the walk's current record. -EIO where its checksum is wrong. */
int kfs_verify_record(const struct kfs_walk *walk, struct kfs_window *window, const char **data);

/* ---- trim.c ---- */

/* The record at the horizon: sets its ordinal and arrival time. -EIO. */
int kfs_log_set_horizon(struct kfs_log *log, uint64_t horizon);
/* Makes what damage has left unknown such that there are records exactly where there are
 * bytes. True where it was so already. Under state, or before threads. */
bool kfs_log_fit_ordinals(struct kfs_log *log);

/* ---- mark.c ---- */
#define KFS_MARK_HORIZON "horizon"
#define KFS_MARK_AGGREGATES "aggregates"
int kfs_mark_read(const struct kfs_io *io, int dir, const char *name, uint64_t *offset); /* -ENOENT, -EILSEQ: damaged */
int kfs_mark_write(const struct kfs_io *io, int dir, const char *name, uint64_t offset); /* durable on 0 */

#endif
