/* Shared by the files of backend/local, no one else. */
#ifndef KFS_LOCAL_INTERNAL_H
#define KFS_LOCAL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "backend/base/names.h"
#include "backend/local/local.h"
#include "backend/log/log.h"
#include "backend/topology.h"

#define KFS_SHARD_DIR_MAX 24 /* shardId- and 12 digits */
#define KFS_SYNC_THREADS 2
#define LOCAL_FORMAT 1                            /* of the files store and stream */
#define LOCAL_EPOCH_MAX ((UINT64_C(1) << 24) - 1) /* 24 bits of a position */
#define LOCAL_EPOCH_SHIFT 39                      /* of the epoch in a position: the lower bits count */
#define LOCAL_ID_SIZE 40
#define LOCAL_IDENTITY_BYTES_MAX 4096

struct local_store;
struct local_stream;

/* A shard. Its log is opened when first used, and closed again when idle. */
struct local_shard {
    struct local_stream *stream; /* constant */
    uint32_t index;              /* constant */

    pthread_mutex_t lock;
    struct kfs_log *log; /* NULL while closed; stays while users > 0 */
    uint32_t users;
    uint64_t idle_since_ms; /* when users fell to 0 */

    /* Under the syncer's lock. */
    struct kfs_sync *waiting; /* to be told of the next sync */
    size_t n_waiting;
    size_t writers;   /* were told of the last sync, or came during it: as many may come again */
    uint64_t sync_ns; /* the last sync took */
    bool queued;
    bool running;
    bool again; /* asked for since the last sync began */
    struct local_shard *next_queued;

    atomic_bool dirty;              /* on the keeper's list, for the next interval sync */
    struct local_shard *next_dirty; /* the keeper's lock */
};

/* What a change replaces whole; constant once made. */
struct local_settings {
    uint32_t retention_hours;
    uint32_t max_record_bytes;
};

/* Lock order: store.changes, store.notes, store.lock, stream.lock, shard.lock, the log's, syncer.lock; watch_lock last.
 */
struct local_stream {
    struct kfs_stream base;
    struct local_store *store;
    char name[KFS_STREAM_NAME_MAX + 1];
    char arn[KFS_ARN_MAX];
    uint64_t generation;
    uint64_t created_ms;
    atomic_uint refs; /* one is the table's; found ones are added under store.lock */

    pthread_rwlock_t lock; /* writers change topology and settings; appends hold it shared */
    bool deleted;
    struct local_settings settings;
    atomic_uint retention_hours; /* the same, for readers without the lock */
    struct kfs_topology topology;
    struct local_shard **shards; /* beside topology.shards */
    size_t n_shards;
    const struct kfs_shard_info **routes; /* open shards by starting hash key */
    size_t n_routes;

    atomic_uint n_watches;
    pthread_mutex_t watch_lock;
    struct kfs_watch *watches;
};

struct local_syncer {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_cond_t gathered; /* a shard has as many requests as it had writers */
    struct local_shard *head;
    struct local_shard *tail;
    bool stop;
    pthread_t threads[KFS_SYNC_THREADS];
    uint32_t n_threads;
};

struct local_keeper {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct local_shard *dirty;
    bool stop;
    bool runs;
    uint64_t started_ms; /* of the monotonic clock: the first sweep comes RETENTION_EVERY_MS later */
    pthread_t thread;
};

struct local_store {
    struct kfs_backend base;
    struct kfs_local_options options;
    int dir;
    int streams_dir;
    int lock_fd;
    char id[LOCAL_ID_SIZE];
    uint64_t epoch;
    uint64_t generations; /* streams made since the open */

    pthread_mutex_t changes;  /* held while streams are created or deleted */
    pthread_mutex_t notes;    /* held while a note is written */
    pthread_mutex_t lock;     /* the table; no I/O under it */
    struct kfs_names streams; /* struct local_stream */

    atomic_uint open_logs;
    atomic_bool failed; /* something could not be made safe */
    struct local_syncer syncer;

    struct local_keeper keeper;

    atomic_uint_fast64_t appended_records;
    atomic_uint_fast64_t appended_bytes;
    atomic_uint_fast64_t syncs;
};

/* ---- manifest.c: the file `stream` ---- */
struct local_manifest {
    char name[KFS_STREAM_NAME_MAX + 1];
    uint64_t generation;
    uint64_t created_ms;
    struct local_settings settings;
    struct kfs_topology topology;
};
void local_manifest_release(struct local_manifest *m);
int local_manifest_parse(const char *text, size_t len, struct local_manifest *m, struct kfs_error *err);
int local_manifest_print(const struct local_manifest *m, struct kfs_buf *out);
int local_manifest_load(const struct kfs_io *io, int dir, struct local_manifest *m, struct kfs_error *err);
int local_manifest_save(const struct kfs_io *io, int dir, const struct local_manifest *m, struct kfs_error *err);
void local_shard_dir(uint32_t index, char name[KFS_SHARD_DIR_MAX]);

int local_identity_parse(const char *text, size_t len, struct local_store *store, struct kfs_error *err);
int local_identity_print(const struct local_store *store, struct kfs_buf *out);
/* The format that a file `store` or `stream` says it has; 0 where it says none. */
uint64_t local_format_of(const char *text, size_t len);

/* ---- identity.c: the files `store` and `lock` ---- */
int local_identity_open(struct local_store *store, struct kfs_error *err);
int local_make_id(char id[LOCAL_ID_SIZE]);
int local_identity_save(const struct kfs_io *io, int dir, const struct local_store *store, struct kfs_error *err);

/* ---- store.c ---- */
static inline uint64_t local_now_ms(const struct local_store *store)
{
    return store->options.clock->wall_ms(store->options.clock->ctx);
}
void local_stream_unref(struct local_stream *stream);
int local_stream_list(struct kfs_backend *b, kfs_stream_visit *visit, void *arg, struct kfs_error *err);
int local_stream_create(struct kfs_backend *b, const char *name, const struct kfs_stream_spec *spec,
                        struct kfs_error *err);
int local_stream_open(struct kfs_backend *b, const char *name, struct kfs_stream **out, struct kfs_error *err);
void local_stream_close(struct kfs_stream *s);
int local_stream_delete(struct kfs_stream *s, struct kfs_error *err);
void local_sweep_deleted(const struct kfs_io *io, int dir); /* removes what lies under the store's deleted/ */
int local_load_streams(struct local_store *store, struct kfs_error *err);
void local_free_streams(struct local_store *store);

/* ---- stream.c ---- */
struct local_stream *local_stream_new(struct local_store *store, struct local_manifest *m);
void local_stream_free(struct local_stream *stream);
int local_stream_dir(struct local_stream *stream); /* a descriptor, or -errno */
int local_stream_info(struct kfs_stream *s, struct kfs_stream_info *info, struct kfs_error *err);
int local_stream_update(struct kfs_stream *s, const struct kfs_stream_change *change, struct kfs_error *err);
int local_stream_resize(struct kfs_stream *s, uint32_t target, struct kfs_error *err);
int local_shard_list(struct kfs_stream *s, struct kfs_shard_info **shards, size_t *n, struct kfs_error *err);
int local_shard_info(struct kfs_stream *s, uint32_t index, struct kfs_shard_info *info, struct kfs_error *err);
int local_shard_split(struct kfs_stream *s, uint32_t index, kfs_hash start, struct kfs_error *err);
int local_shard_merge(struct kfs_stream *s, uint32_t index, uint32_t adjacent, struct kfs_error *err);
void local_stream_wake(struct local_stream *stream, uint32_t shard, enum kfs_event event);
void local_watch(struct kfs_stream *s, struct kfs_watch *watch);
void local_unwatch(struct kfs_stream *s, struct kfs_watch *watch);
void local_fault(struct local_stream *stream, uint32_t shard, const struct kfs_error *err);

/* ---- shard.c ---- */
struct local_shard *local_shard_new(struct local_stream *stream, uint32_t index);
void local_shard_free(struct local_shard *shard); /* closes its log */
/* The shard, with its log open and in use until local_shard_put. -ENOENT, -EIO. */
int local_shard_get(struct local_stream *stream, uint32_t index, struct local_shard **shard, struct kfs_error *err);
int local_shard_use(struct local_shard *shard, struct kfs_error *err);
void local_shard_put(struct local_shard *shard);
/* Closes the log where no one uses it and it is synced. */
void local_shard_close_idle(struct local_shard *shard);
int local_shard_extent(struct kfs_stream *s, uint32_t index, struct kfs_extent *extent, struct kfs_error *err);
/* Records that arrived before this time are past the retention. */
uint64_t local_shard_cutoff(const struct local_shard *shard);
/* Applies retention by age (and by size where the option is set). */
int local_shard_trim(struct local_shard *shard, bool durable, struct kfs_error *err);

/* ---- records.c ---- */
int local_append(struct kfs_stream *s, uint32_t index, const struct kfs_put *puts, size_t n,
                 struct kfs_put_result *results, struct kfs_error *err);
int local_reader_open(struct kfs_stream *s, uint32_t index, struct kfs_reader **out, struct kfs_error *err);
void local_reader_close(struct kfs_reader *r);
int local_locate(struct kfs_reader *r, const struct kfs_position *position, uint64_t *offset, struct kfs_error *err);
int local_read(struct kfs_reader *r, uint64_t offset, const struct kfs_limit *limit, struct kfs_batch *batch,
               struct kfs_error *err);
ssize_t local_read_bytes(struct kfs_reader *r, uint64_t offset, void *data, size_t len, struct kfs_error *err);
int local_read_stored(struct kfs_reader *r, uint64_t offset, struct kfs_stored *stored, struct kfs_error *err);

/* ---- notes.c ---- */
int local_note_get(struct kfs_backend *b, struct kfs_stream *s, const char *name, struct kfs_buf *buf,
                   struct kfs_error *err);
int local_note_set(struct kfs_backend *b, struct kfs_stream *s, const char *name, struct kfs_bytes text,
                   struct kfs_error *err);
int local_note_list(struct kfs_backend *b, struct kfs_stream *s, kfs_note_visit *visit, void *arg,
                    struct kfs_error *err);

/* ---- syncer.c ---- */
int local_syncer_start(struct local_store *store);
void local_syncer_stop(struct local_store *store); /* after all that is queued */
void local_sync(struct kfs_stream *s, uint32_t index, struct kfs_sync *op);
void local_syncer_queue(struct local_shard *shard, struct kfs_sync *op); /* op may be NULL */

/* ---- keeper.c: what is done every interval ---- */
int local_keeper_start(struct local_store *store);
void local_keeper_stop(struct local_store *store);
/* Remembers a shard that has become dirty. */
void local_keeper_note(struct local_shard *shard);

#endif
