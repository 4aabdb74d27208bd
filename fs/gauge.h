/* How many bytes the records of a shard are in a view whose frames vary (decoder.h), or that takes
 * aggregates apart, from where the shard may have some: what the sizes and offsets of its files are
 * made of, without reading the shard again for each of them.
 *
 * A gauge remembers *stretches*: from the first byte of a record to that of another
 * one, in the default view, with the bytes that those between them are in the
 * view. Stretches do not overlap, and stand in order. What is asked for is added
 * up from whole stretches; what lies in none is read, and becomes one. The last
 * one grows with the shard, so what is appended is read once, whoever asks.
 *
 * Memory: at most KFS_GAUGE_STRETCHES_MAX stretches of 24 bytes a gauge. Where
 * more are needed, each two become one of twice the length (at first of
 * KFS_GAUGE_STEP): an answer whose ends lie inside stretches costs reading as
 * much as a stretch holds. Gauges are shared by all who look at the shard in that
 * framing and coding; of those that no one uses, KFS_GAUGES_IDLE_MAX are kept.
 *
 * What was measured is saved now and then, for the next mount (gauge_note.h): who measured asks kfs_gauge_due, and
 * saves.
 *
 * Threads: any. A gauge's lock is held while records are read, and taken
 * before every lock of the backend; what two ask for is read once. */
#ifndef KFS_FS_GAUGE_H
#define KFS_FS_GAUGE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"
#include "fs/decoder.h"
#include "fs/gauge_note.h"

#define KFS_GAUGE_STEP ((uint64_t)128 << 10)
#define KFS_GAUGE_SAVE_BYTES ((uint64_t)32 << 20)
#define KFS_GAUGES_IDLE_MAX ((size_t)512)
#define KFS_GAUGE_BUCKETS 256

struct kfs_gauge;

/* All gauges of a file system. */
struct kfs_gauges {
    pthread_mutex_t lock;
    struct kfs_gauge *buckets[KFS_GAUGE_BUCKETS];
    struct kfs_gauge *newest; /* of those that no one uses */
    struct kfs_gauge *oldest;
    size_t idle;
};

void kfs_gauges_init(struct kfs_gauges *gauges);
void kfs_gauges_release(struct kfs_gauges *gauges); /* after every gauge of it was given back */

/* The gauge of a shard of the stream that info is of, for what the decoder makes of it. -ENOMEM. */
int kfs_gauge_get(struct kfs_gauges *gauges, const struct kfs_stream_info *info, uint32_t shard,
                  const struct kfs_decoder *decoder, struct kfs_gauge **gauge);
void kfs_gauge_put(struct kfs_gauges *gauges, struct kfs_gauge *gauge); /* takes NULL */

/* What lies between two places of a shard at which records begin (or its end). */
struct kfs_measure {
    uint64_t at;    /* in: from here; out: how far it came, `to` unless it failed */
    uint64_t to;    /* not before `at` */
    uint64_t bytes; /* out: of what lies before `at`, in the view */
};

/* 0, or -errno of kfs_read or -ENOMEM with what came before in m. The reader is of the gauge's
 * shard, the decoder like the one that it was got with. */
int kfs_gauge_measure(struct kfs_gauge *gauge, struct kfs_decoder *decoder, struct kfs_reader *reader,
                      struct kfs_measure *m, struct kfs_error *err);

/* Whether KFS_GAUGE_SAVE_BYTES or more were measured that the note lacks. */
bool kfs_gauge_due(struct kfs_gauge *gauge);

/* Then saves it as a note of its stream, and removes the note of a shard that is gone, if there is one. Waits for the
 * disk, under no lock. What fails is measured again by the next mount. */
void kfs_gauge_save(struct kfs_gauge *gauge, struct kfs_stream *stream);

/* The ordinal of the record that begins at an offset, or of the next one where that is the end. */
int kfs_gauge_ordinal(struct kfs_reader *reader, uint64_t offset, uint64_t *ordinal, struct kfs_error *err);

#endif
