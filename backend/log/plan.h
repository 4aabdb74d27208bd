/* What a check has found out of each segment, for the repair. Internal to backend/log. */
#ifndef KFS_LOG_PLAN_H
#define KFS_LOG_PLAN_H

#include "backend/log/check.h"
#include "backend/log/salvage.h"

enum kfs_header_state {
    KFS_HEADER_NONE, /* no index that can be used */
    KFS_HEADER_GOOD,
    KFS_HEADER_MADE /* made of the first block: the salt is in it */
};

struct kfs_plan {
    uint64_t base;
    bool has_data;
    bool has_index;
    uint64_t data_file; /* sizes of the files */
    uint64_t index_file;
    enum kfs_header_state state;
    struct kfs_segment_header header;
    struct kfs_checkpoint cp; /* zero where there is none */

    uint64_t bound; /* bytes up to where the next one begins; UINT64_MAX without one */
    bool whole;     /* a later segment was synced, so all of this one was promised */
    bool covered;   /* a later or this one is sealed: readers trust the checkpoint, opening reads no more */

    /* Of the whole records. */
    bool framed; /* they are lines of the data file */
    bool broken; /* the index cannot go on as it is */
    uint64_t records;
    uint64_t bytes;
    uint64_t end;      /* offset in the segment after the last one, or after what is known to be lost behind it */
    uint64_t ordinals; /* records that it had, with the lost ones */
    uint64_t index_end;
    uint64_t last_arrival_ms;
    struct kfs_seq first; /* none where framed, or without records */
    struct kfs_seq last;

    /* The repair's. */
    bool data_linked;
    bool index_linked;
};

struct kfs_check {
    struct kfs_check_config config;
    int dir;
    uint64_t horizon; /* 0 where the file is missing or damaged */
    bool horizon_damaged;
    uint64_t
        aggregates; /* what the file says, until the records were read; then what it has to say; UINT64_MAX: no file */
    uint64_t found; /* the first aggregate there is; UINT64_MAX: none */
    bool aggregates_damaged;
    struct kfs_plan *plans; /* by base; from those below the horizon on up to where records end */
    size_t n;
    size_t cap;
    struct kfs_check_result result;
};

/* Opens a segment's files for reading, those that are there. */
int kfs_plan_open(const struct kfs_check *check, const struct kfs_plan *plan, struct kfs_segment **out);

/* How much of the files may hold records, and how much was promised. */
void kfs_plan_limits(const struct kfs_plan *plan, uint64_t *data, uint64_t *index, struct kfs_promise *promise);

/* ---- survey.c ---- */

/* Lists the directory, and reads the horizon and the headers. */
int kfs_check_survey(struct kfs_check *check, struct kfs_error *err);
void kfs_check_report(struct kfs_check *check, const struct kfs_finding *finding, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
