/* What the files of a merge share. */
#ifndef KFS_FS_MERGE_INTERNAL_H
#define KFS_FS_MERGE_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>

#include "fs/gauge.h"
#include "fs/merge.h"

/* A shard that takes part. Its place in the array is its slot: shards stand in order of index as they appear. */
struct merge_shard {
    uint32_t index;
    uint32_t parents[2];       /* slots, or UINT32_MAX */
    bool gone;                 /* retention has removed it */
    bool complete;             /* nothing comes behind what was seen of it */
    uint64_t base;             /* offset of its first record in the merge */
    uint64_t base_record;      /* its ordinal */
    uint64_t end;              /* of the last extension */
    uint64_t end_record;       /* the ordinal of what begins there */
    uint64_t floor_ms;         /* no record of the last extension counts as older */
    uint64_t last_ms;          /* of its newest record in the merge, not below floor_ms */
    uint64_t aggregates_from;  /* as the backend has it; of what is in the merge it holds for good */
    uint64_t seen_end;         /* of the extension that is being made */
    uint64_t seen_record;      /* the same */
    uint64_t seen_bytes;       /* what it adds, in the view */
    uint64_t seen_ms;          /* the same */
    uint64_t seen_floor_ms;    /* the same */
    struct kfs_reader *reader; /* NULL while not open */
    struct kfs_gauge *gauge;   /* where frames vary or records are taken apart; NULL until needed */
};

/* ---- merge_history.c: what was put after what ---- */

/* One shard's part of an extension: what lies between its end before and `end`. */
struct merge_entry {
    uint32_t slot;
    uint64_t end;
    uint64_t bytes; /* of it, in the view */
    uint64_t floor_ms;
};

struct merge_extension {
    uint64_t start;  /* virtual offset; it ends where the next one starts */
    uint64_t serial; /* names it, also after others were joined to it */
    uint64_t last_ms;
    size_t n;
    struct merge_entry *entries; /* by slot; the shards that grew, at least one */
};

/* A state of the merge: the offset in each shard when `at` virtual bytes are out. */
struct merge_checkpoint {
    uint64_t at;
    size_t n; /* shards that were there; the others stand at their base */
    uint64_t *next;
};

struct merge_history {
    struct merge_extension *extensions;
    size_t n;
    size_t cap;
    size_t entries; /* of all extensions */
    uint64_t end;   /* virtual */
    uint64_t serials;
    struct merge_checkpoint *checkpoints; /* by `at` */
    size_t checkpoint_n;
    size_t checkpoint_cap;
    size_t checkpoint_bytes;
    unsigned int thinned; /* how often every other checkpoint was dropped */
};

void merge_history_release(struct merge_history *h);

/* Adds an extension, whose entries the history takes. -ENOMEM: they stay the caller's. */
int merge_history_add(struct merge_history *h, const struct merge_extension *extension);

/* The place of the last extension that starts at `offset` or before. There is one. */
size_t merge_history_find(const struct merge_history *h, uint64_t offset);

/* The offsets of `shards` at the start of an extension, as an array of n. */
void merge_history_start(const struct merge_history *h, size_t extension, const struct merge_shard *shards, size_t n,
                         uint64_t *next);

/* The last checkpoint in [from, to], or NULL. */
const struct merge_checkpoint *merge_history_checkpoint(const struct merge_history *h, uint64_t from, uint64_t to);

/* Virtual bytes between checkpoints. */
uint64_t merge_history_interval(const struct merge_history *h, size_t shards);

/* Whether a checkpoint at `at` is worth having; else *again is where to ask next. */
bool merge_history_wants(const struct merge_history *h, uint64_t at, size_t shards, uint64_t *again);

/* Takes next. Where memory is short there is just no checkpoint. */
void merge_history_keep(struct merge_history *h, uint64_t at, uint64_t *next, size_t n);

/* ---- merge_cursor.c: a place in the merge, from which it goes on ---- */

struct merge_slot {
    uint64_t next;           /* offset of the next record */
    uint64_t end;            /* of the cursor's extension */
    uint64_t floor_ms;       /* the same */
    uint64_t key;            /* when the next record counts as arrived; valid in the heap */
    struct kfs_batch *batch; /* NULL: nothing read ahead */
    size_t at;               /* of the next record in batch; at most batch->n */
};

/* Slots with records left in the extension are in the heap, by (key, slot), or
 * in todo, while their next record is not known. A slot in the heap may have
 * lost its batch to the limit; its key stays. */
struct merge_cursor {
    bool placed; /* else the rest means nothing */
    struct merge_slot *slots;
    size_t n;
    uint32_t *heap;
    size_t heap_n;
    uint32_t *todo;
    size_t todo_n;
    struct kfs_limit limit; /* of one read */
    uint64_t serial;        /* of the extension it is in */
    uint64_t at;            /* virtual offset of the next record */
    uint32_t taken_slot;    /* of the record before `at`, valid while spill has something */
    uint64_t taken_offset;  /* where that record begins in its shard */
    uint64_t look;          /* where to think of a checkpoint next */
    struct kfs_buf spill;   /* the rendering of one record before `at`, of which a reader got a part */
    uint64_t used;          /* when, in calls */
};

struct kfs_merge {
    pthread_mutex_t lock; /* of what follows */
    struct kfs_stream *stream;
    struct kfs_merge_pool *pool;
    struct kfs_stream_info info;
    uint32_t only; /* KFS_NO_SHARD for all */
    struct kfs_decoder decoder;
    struct kfs_position from;
    const struct kfs_places *places;
    bool begun;    /* the first shards have their base */
    bool measured; /* and perhaps a gauge should be saved */
    struct merge_shard *shards;
    size_t n;
    struct merge_history history;
    struct merge_cursor cursors[KFS_MERGE_CURSORS];
    uint64_t calls;
    size_t prefetched;                          /* bytes, of all cursors */
    uint32_t open_slots[KFS_MERGE_READERS_MAX]; /* whose readers are open, a ring */
    size_t open_n;
    size_t open_oldest;

    /* The pool's lock. */
    bool pooled;
    struct kfs_merge *newer;
    struct kfs_merge *older;
};

void merge_cursor_init(struct merge_cursor *c, const struct kfs_decoder *decoder);
void merge_cursor_release(struct kfs_merge *m, struct merge_cursor *c);

/* Puts a cursor at a state of an extension: `next` has an offset for each shard of the merge. -ENOMEM. */
int merge_cursor_place(struct kfs_merge *m, struct merge_cursor *c, size_t extension, uint64_t at,
                       const uint64_t *next);

/* 1 and the next record, a view until the cursor moves; 0 at the tip; -errno. Passes into the next extension. */
int merge_cursor_peek(struct kfs_merge *m, struct merge_cursor *c, const struct kfs_record **record, uint32_t *shard,
                      struct kfs_error *err);

/* How many records, from the one that was peeked on, follow each other in the merge and are read ahead: at least
 * that one. They stand behind it in memory. */
size_t merge_cursor_run(const struct merge_cursor *c);

/* Goes behind the first n records of the run, which take `size` virtual bytes. */
void merge_cursor_take(struct kfs_merge *m, struct merge_cursor *c, size_t n, size_t size);

/* Where one shard has all that is left of the extension, and nothing of it is read ahead: its next records as they are
 * stored. n is 0 where there are none to be had so, and the next is to be peeked. */
void merge_cursor_stored(struct kfs_merge *m, struct merge_cursor *c, struct kfs_stored *stored);

/* Goes behind record i of them; what was passed takes `size` virtual bytes. */
void merge_cursor_take_stored(struct kfs_merge *m, struct merge_cursor *c, const struct kfs_stored *stored, size_t i,
                              size_t size);

/* The reader of a shard, opened where it is not. -ESTALE where retention has removed the shard. */
int merge_reader(struct kfs_merge *m, uint32_t slot, struct kfs_reader **reader, struct kfs_error *err);

/* What a failure in a shard means: -ENOENT becomes -ESTALE while the stream lives. */
int merge_explain(struct kfs_merge *m, uint32_t slot, int rc, struct kfs_error *err);

/* Lets go of what was read ahead; places stay. Under the merge's lock. */
void merge_forget(struct kfs_merge *m);

/* What lies between two offsets of a shard, in the view. Where it fails, how far it came is known. */
int merge_measure(struct kfs_merge *m, uint32_t slot, struct kfs_measure *between, struct kfs_error *err);

/* ---- merge_extend.c ---- */

/* Puts what is there now and was not after what was. Returns whether there was anything; -errno where
 * something is there that cannot be had, and nothing else is. */
int merge_extend(struct kfs_merge *m, struct kfs_error *err);

/* Makes the first extension. */
int merge_begin(struct kfs_merge *m, struct kfs_error *err);

/* ---- merge_last.c ---- */

/* Has the shards, which were looked at and not yet read, begin as late as leaves `count` records, and not many more.
 * Where that cannot be found out they stay. */
void merge_begin_late(struct kfs_merge *m, uint64_t count);

/* ---- merge_pool.c: without the merge's lock ---- */

void merge_pool_used(struct kfs_merge *m);
void merge_pool_remove(struct kfs_merge *m);

/* ---- merge_seek.c ---- */

/* 1 and a cursor that stands at the offset, which is not beyond the end, or whose spill covers it; -errno. */
int merge_seek(struct kfs_merge *m, uint64_t offset, struct merge_cursor **cursor, struct kfs_error *err);

/* ---- merge_time.c ---- */

/* The state of an extension, found by arrival times, at *at <= offset, from which little is left to pass. -ESTALE where
 * retention has removed what it would be known by. */
int merge_time_seek(struct kfs_merge *m, size_t extension, uint64_t offset, uint64_t *next, uint64_t *at,
                    struct kfs_error *err);

#endif
