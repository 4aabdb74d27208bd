/* What the files of the reference backend share. */
#ifndef KFS_TESTS_MEMORY_STORE_H
#define KFS_TESTS_MEMORY_STORE_H

#include <pthread.h>

#include "backend/backend.h"
#include "backend/base/clock.h"

#define MEMORY_ACCOUNT "000000000000"

struct memory_record {
    struct kfs_seq seq;
    uint64_t arrival_ms;
    uint64_t offset;
    char *key;
    size_t key_len;
    char *data; /* NULL once retention has removed the record */
    size_t len;
};

struct memory_shard {
    struct kfs_shard_info info;
    struct memory_record *records; /* by ordinal, the removed ones too */
    size_t n;
    size_t cap;
    size_t first; /* ordinal of the oldest record kept */
    uint64_t end;
    uint64_t aggregates_from; /* UINT64_MAX: none yet */
    uint64_t position;        /* of the newest sequence number */
    uint64_t last_arrival_ms;
    uint64_t created_s; /* in its numbers */
    struct kfs_seq last;
};

struct memory_note {
    char name[KFS_NOTE_NAME_MAX + 1];
    char *text;
    size_t len;
};

struct memory_notes {
    struct memory_note *notes; /* in byte order of their names */
    size_t n;
};

struct memory_stream {
    struct memory_backend *backend;
    struct kfs_stream_info info; /* open_shards is counted when asked */
    struct memory_shard *shards; /* by index, without those that expired */
    size_t n;
    uint32_t next_index;
    struct memory_notes notes;
    bool deleted;
    unsigned int references;
    struct kfs_watch *watches; /* watch_lock */
};

/* lock guards everything but the watches, and is taken before watch_lock,
 * never the other way round; watch_lock is held while a wake runs. */
struct memory_backend {
    struct kfs_backend base;
    const struct kfs_clock *clock;
    pthread_mutex_t lock;
    pthread_mutex_t watch_lock;
    struct memory_stream **streams; /* in byte order of their names; not the deleted ones */
    size_t n;
    struct memory_notes notes;
    uint64_t generations;
    unsigned int readers;
    unsigned int deleted_streams; /* deleted ones with references */
};

/* What a struct kfs_stream of this backend is. */
struct memory_ref {
    struct kfs_stream base;
    struct memory_stream *stream;
};

void *memory_alloc(void *old, size_t n, size_t size); /* realloc or abort */

/* Begins a call: takes the lock and applies retention. -ENOENT where the
 * stream is deleted; the lock is held all the same, until memory_leave. */
int memory_enter(struct kfs_stream *stream, struct memory_stream **entered, struct kfs_error *err);
void memory_leave(struct memory_stream *stream);

/* Tells the watches. Called without the lock. */
void memory_tell(struct memory_stream *stream, uint32_t shard, enum kfs_event event);

/* NULL and -ENOENT in err where there is none. */
struct memory_shard *memory_find(struct memory_stream *stream, uint32_t shard, struct kfs_error *err);
struct kfs_shard_info *memory_infos(const struct memory_stream *stream); /* a copy; the caller frees */
void memory_trim(struct memory_stream *stream);
void memory_drop_shards(struct memory_stream *stream);

/* Shards: memory_shards.c. */
void memory_create_shards(struct memory_stream *stream, uint32_t shards);
int memory_shard_list(struct kfs_stream *ref, struct kfs_shard_info **shards, size_t *n, struct kfs_error *err);
int memory_shard_info(struct kfs_stream *ref, uint32_t shard, struct kfs_shard_info *info, struct kfs_error *err);
int memory_shard_extent(struct kfs_stream *ref, uint32_t shard, struct kfs_extent *extent, struct kfs_error *err);
int memory_shard_split(struct kfs_stream *ref, uint32_t shard, kfs_hash new_starting, struct kfs_error *err);
int memory_shard_merge(struct kfs_stream *ref, uint32_t shard, uint32_t adjacent, struct kfs_error *err);
int memory_resize(struct kfs_stream *ref, uint32_t target, struct kfs_error *err);

/* Records: memory_records.c. */
int memory_append(struct kfs_stream *ref, uint32_t shard, const struct kfs_put *puts, size_t n,
                  struct kfs_put_result *results, struct kfs_error *err);
int memory_reader_open(struct kfs_stream *ref, uint32_t shard, struct kfs_reader **reader, struct kfs_error *err);
void memory_reader_close(struct kfs_reader *reader);
int memory_locate(struct kfs_reader *reader, const struct kfs_position *position, uint64_t *offset,
                  struct kfs_error *err);
int memory_read(struct kfs_reader *reader, uint64_t offset, const struct kfs_limit *limit, struct kfs_batch *batch,
                struct kfs_error *err);
ssize_t memory_read_bytes(struct kfs_reader *reader, uint64_t offset, void *data, size_t len, struct kfs_error *err);
int memory_read_stored(struct kfs_reader *reader, uint64_t offset, struct kfs_stored *stored, struct kfs_error *err);

/* Notes: memory_notes.c. */
int memory_note_get(struct kfs_backend *b, struct kfs_stream *ref, const char *name, struct kfs_buf *buf,
                    struct kfs_error *err);
int memory_note_set(struct kfs_backend *b, struct kfs_stream *ref, const char *name, struct kfs_bytes text,
                    struct kfs_error *err);
int memory_note_list(struct kfs_backend *b, struct kfs_stream *ref, kfs_note_visit *visit, void *arg,
                     struct kfs_error *err);
void memory_drop_notes(struct memory_notes *notes);
void memory_put_note(struct memory_notes *notes, const char *name, struct kfs_bytes text);

#endif
