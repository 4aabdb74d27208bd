/* Failures, told once: a line in the log and a JSON line in /.kinesisfs/errors. */
#ifndef KFS_FS_REPORT_H
#define KFS_FS_REPORT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "backend/backend.h"
#include "backend/base/clock.h"

#define KFS_ERRORS_BYTES_MAX (256U << 10) /* the oldest lines go when there are more */

struct kfs_errors {
    const struct kfs_clock *clock;
    pthread_mutex_t lock;
    struct kfs_buf text;        /* the lines kept */
    uint64_t start;             /* offset of text in all that was ever said */
    atomic_uint_fast64_t count; /* lines ever said */
};

void kfs_errors_init(struct kfs_errors *errors, const struct kfs_clock *clock);
void kfs_errors_release(struct kfs_errors *errors);

/* Records a failure and returns -err->code; but not that of a call that was interrupted, or will be made again
 * (patience.h). stream, a name in the root with or without a view, and shard say where: "" and KFS_NO_SHARD where they
 * do not apply. Never a payload, never a secret. */
int kfs_report(struct kfs_errors *errors, const char *operation, const char *stream, uint32_t shard,
               const struct kfs_error *err);

/* Offsets that can be read now. */
void kfs_errors_extent(struct kfs_errors *errors, uint64_t *start, uint64_t *end);
/* -ESTALE before start. */
ssize_t kfs_errors_read(struct kfs_errors *errors, uint64_t offset, char *data, size_t len);

#endif
