/* Checking one shard log, and making a sound one of what is left of it.
 *
 * docs/FORMAT.md section 7 says what is looked for and what is done about it. No
 * log may be open in the directory. Checking changes nothing; a repair writes a
 * new directory and leaves the one that was checked as it is. */
#ifndef KFS_LOG_CHECK_H
#define KFS_LOG_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/base/io.h"
#include "backend/base/seqnum.h"

#define KFS_FINDING_TEXT_MAX 512

enum kfs_finding_kind {
    KFS_FINDING_NOTE,   /* nothing is wrong: what opening the log takes care of */
    KFS_FINDING_DAMAGE, /* a repair mends it, and nothing is lost by it */
    KFS_FINDING_LOSS    /* records are lost, or lose their number, time and key */
};

/* from and to are offsets in the shard as it was: what is lost lies between them. */
struct kfs_finding {
    enum kfs_finding_kind kind;
    uint64_t from;
    uint64_t to;
    uint64_t records; /* lost; 0 where that is not known, or none is */
    char text[KFS_FINDING_TEXT_MAX];
};
typedef void kfs_finding_fn(void *arg, const struct kfs_finding *finding);

struct kfs_check_config {
    const struct kfs_io *io;
    const struct kfs_clock *clock;
    struct kfs_seq starting; /* below every number in the shard; none where it is not known */
    kfs_finding_fn *report;  /* called while checking */
    void *arg;
};

struct kfs_check_result {
    bool damaged; /* there was a finding other than notes */
    bool loses;   /* there was one of a loss */
    uint64_t segments;
    uint64_t records; /* whole ones */
    uint64_t bytes;   /* of them, with their newlines */
    uint64_t lost_records;
    uint64_t lost_bytes;
    struct kfs_seq highest; /* of any record or header */
};

struct kfs_check;

/* Reads everything. The directory is borrowed until kfs_check_free. -errno only
 * where reading fails, or memory; damage is in the result. */
int kfs_check_run(const struct kfs_check_config *config, int dir, struct kfs_check **out, struct kfs_error *err);
void kfs_check_free(struct kfs_check *check); /* takes NULL */
void kfs_check_result(const struct kfs_check *check, struct kfs_check_result *result);

/* Makes the files of a sound log in an empty directory, durably. Files that need
 * no change are linked. Numbers that have to be made for the newest records exceed
 * `floor`, which exceeds all ever given. */
int kfs_repair_build(struct kfs_check *check, const struct kfs_seq *floor, int into, struct kfs_error *err);

/* Removes from the directory that the old files now lie in those that are linked. */
void kfs_repair_prune(const struct kfs_check *check, int old);

#endif
