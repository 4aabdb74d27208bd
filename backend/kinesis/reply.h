/* What the endpoint's answers say. Foreign data: nothing is believed. -EINVAL where a member that must
 * be there is not, or is of another kind. */
#ifndef KFS_KINESIS_REPLY_H
#define KFS_KINESIS_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"
#include "backend/base/value.h"

#define REMOTE_CODE_MAX 64
#define REMOTE_TEXT_MAX 200

/* An entry of PutRecords: a code and text, or a number and shard. */
struct remote_entry {
    char code[REMOTE_CODE_MAX];
    char text[REMOTE_TEXT_MAX];
    uint32_t shard;
    struct kfs_seq seq;
};

/* Exactly n entries. */
int remote_answer_put(const struct kfs_value *answer, struct remote_entry *entries, size_t n);

/* Of GetRecords, or an event of SubscribeToShard. The records' keys point into the answer, their data into `data`,
 * which is emptied first. Records whose number does not exceed *after are left out. */
struct remote_got {
    struct kfs_record *records; /* malloc'ed */
    size_t n;
    size_t listed;                  /* how many the answer held */
    struct kfs_bytes next_iterator; /* of GetRecords; len 0: the shard has ended */
    struct kfs_seq continuation;    /* of an event; or none */
    bool children;                  /* there are some: of an event without continuation, the shard has ended */
    uint64_t behind_ms;
};
int remote_answer_get(const struct kfs_value *answer, const struct kfs_seq *after, struct kfs_buf *data,
                      struct remote_got *got);

/* A text member; false where it is absent, not text or does not fit into size bytes with the NUL behind it, or has one.
 */
bool remote_answer_text(const struct kfs_value *map, const char *name, char *text, size_t size);

/* A whole number of at least 0. */
bool remote_answer_number(const struct kfs_value *map, const char *name, uint64_t *number);

/* Seconds with a fraction, as ms. */
bool remote_answer_time(const struct kfs_value *map, const char *name, uint64_t *ms);

/* A shard of ListShards. Times are those that its numbers tell, else 0; closed says whether it has an ending number. */
int remote_answer_shard(const struct kfs_value *map, struct kfs_shard_info *info);

#endif
