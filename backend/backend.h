/* The contract between the front ends (fs/, the API endpoint) and the backends.
 *
 * It knows neither FUSE nor HTTP. Front ends call the kfs_* functions below;
 * a backend fills a struct kfs_backend_ops and is reached in no other way. The
 * wrappers in backend.c check arguments before and results after each call.
 *
 * Words: a stream has shards; a shard is an append-only sequence of records;
 * a record is data with a partition key, a sequence number and an arrival time.
 * The default view of a shard is each record's data followed by a newline; its
 * byte offsets never change meaning while a shard lives. `start` is the oldest
 * offset still kept (the horizon), `end` the tip.
 *
 * Results: 0 or a count; on failure -errno with detail in err (which may be
 * NULL) and outputs untouched. errno values that every function may return:
 * -EIO (store damaged or its disk failing), -ENOMEM, -ENOENT (no such stream or
 * shard, or it was deleted), and where an endpoint is remote -EACCES, -EAGAIN,
 * -EHOSTUNREACH, -ETIMEDOUT.
 *
 * Threads: everything may be called from any thread at any time, except that
 * one reader is used by one thread at a time. No function waits for another
 * caller's disk or network except kfs_backend_close. Of a remote endpoint, functions
 * that create, delete or change, kfs_append with results, kfs_catch_up, and
 * kfs_stream_open, kfs_stream_list, kfs_shard_extent and kfs_reader_open of what is not known yet wait for its answers,
 * kfs_reader_open for a shard's newest records where no one has looked for a second, kfs_append for room;
 * docs/REMOTE.md has the bounds. backend/base/patience.h is how a caller says that he does not wait, or can be
 * interrupted: then -EINTR. */
#ifndef KFS_BACKEND_H
#define KFS_BACKEND_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/base/hashkey.h"
#include "backend/base/io.h"
#include "backend/base/record.h"
#include "backend/base/seqnum.h"

#define KFS_STREAM_NAME_MAX 128 /* [a-zA-Z0-9_.-]{1,128} */
#define KFS_RETENTION_HOURS_MIN 24
#define KFS_RETENTION_HOURS_MAX 8760
#define KFS_SHARDS_MAX 10000 /* open shards of one stream */
#define KFS_SHARD_INDEX_MAX INT32_MAX
#define KFS_NO_SHARD UINT32_MAX /* no parent; or: every shard; or: route by key */
#define KFS_ARN_MAX 256

struct kfs_backend;
struct kfs_tag;
struct kfs_stream; /* a reference to a stream; outlives the stream's deletion */
struct kfs_reader; /* a place to keep what makes the next read cheap */

/* ---- streams ---- */

enum kfs_stream_status { KFS_CREATING, KFS_ACTIVE, KFS_UPDATING, KFS_DELETING };

struct kfs_stream_spec {
    uint32_t shards;           /* 1..KFS_SHARDS_MAX */
    uint32_t retention_hours;  /* 0 means the default, 24 */
    uint32_t max_record_bytes; /* 0 means KFS_RECORD_BYTES_DEFAULT */
    const char *note;          /* name of a note that it is made with: there is no time without it. NULL: none */
    struct kfs_bytes note_text;
    const struct kfs_tag *tags; /* that it is made with */
    size_t n_tags;
    struct kfs_bytes tags_note; /* the same as the text of the note KFS_NOTE_TAGS; set by the wrapper */
};

struct kfs_stream_info {
    char name[KFS_STREAM_NAME_MAX + 1];
    char arn[KFS_ARN_MAX];
    enum kfs_stream_status status;
    uint32_t open_shards;
    uint32_t retention_hours;
    uint32_t max_record_bytes;
    uint64_t created_ms; /* since 1970 */
    uint64_t generation; /* differs between two streams that had one name */
};

/* Zero leaves a setting as it is. */
struct kfs_stream_change {
    uint32_t retention_hours;  /* 24..8760; -EINVAL */
    uint32_t max_record_bytes; /* 1 MiB..10 MiB, whole KiB; -EINVAL */
};

/* True for [a-zA-Z0-9_.-]{1,128}. */
bool kfs_stream_name_valid(const char *name);

/* Streams in byte order of their names; stops when visit returns non-zero, and
 * returns that. visit may call any kfs_ function. */
typedef int kfs_stream_visit(void *arg, const char *name);
int kfs_stream_list(struct kfs_backend *b, kfs_stream_visit *visit, void *arg, struct kfs_error *err);

/* -EEXIST; -EINVAL for a bad name or spec, or where the backend cannot hold a
 * stream named "." or ".."; -EDQUOT, -ENOSPC. On return it is durable. */
int kfs_stream_create(struct kfs_backend *b, const char *name, const struct kfs_stream_spec *spec,
                      struct kfs_error *err);

/* A reference, to be closed with kfs_stream_close (which takes NULL). A name
 * that no stream can have is -ENOENT. */
int kfs_stream_open(struct kfs_backend *b, const char *name, struct kfs_stream **stream, struct kfs_error *err);
void kfs_stream_close(struct kfs_stream *stream);

/* Deletes the stream and its records. -EPERM where the backend forbids it, -EEXIST
 * where an endpoint does for the stream's consumers. On return it is durable;
 * references stay valid and answer -ENOENT. */
int kfs_stream_delete(struct kfs_stream *stream, struct kfs_error *err);

int kfs_stream_info(struct kfs_stream *stream, struct kfs_stream_info *info, struct kfs_error *err);
int kfs_stream_update(struct kfs_stream *stream, const struct kfs_stream_change *change, struct kfs_error *err);

/* UpdateShardCount, uniform. 1..KFS_SHARDS_MAX, else -EINVAL. */
int kfs_stream_resize(struct kfs_stream *stream, uint32_t target, struct kfs_error *err);

/* ---- shards ---- */

struct kfs_shard_info {
    uint32_t index;           /* of shardId-<index, 12 digits>; never reused in a stream */
    bool closed;              /* split or merged: read-only */
    uint32_t parent;          /* KFS_NO_SHARD where there is none */
    uint32_t adjacent_parent; /* the second parent of a merge, or KFS_NO_SHARD */
    struct kfs_hash_range range;
    struct kfs_seq starting; /* below every record's number */
    struct kfs_seq ending;   /* above every record's number; none while open */
    uint64_t created_ms;     /* not before the parents closed */
    uint64_t closed_ms;      /* 0 while open; not before the last record arrived */
};

struct kfs_extent {
    uint64_t start;           /* byte offset of the oldest record kept, default view */
    uint64_t end;             /* byte offset where the next record will begin */
    uint64_t first_record;    /* ordinal of the oldest record kept; the shard's first is 0 */
    uint64_t next_record;     /* ordinal of the next record */
    uint64_t last_arrival_ms; /* of the newest record, or the creation time */
    struct kfs_seq last;      /* of the newest record, or that was acknowledged; none where there never was one */
    bool closed;              /* and nothing will come after `end`: of a remote shard that is known later */
    /* There is no aggregate (base/aggregate.h) below this offset, and may be some from it on; UINT64_MAX while there is
     * none. For what lies below `end` it says the same for good. Between `start` and `end` it is where a record begins.
     */
    uint64_t aggregates_from;
};

/* All shards that are kept, by index. *shards is malloc'ed; the caller frees it. */
int kfs_shard_list(struct kfs_stream *stream, struct kfs_shard_info **shards, size_t *n, struct kfs_error *err);
int kfs_shard_info(struct kfs_stream *stream, uint32_t shard, struct kfs_shard_info *info, struct kfs_error *err);
int kfs_shard_extent(struct kfs_stream *stream, uint32_t shard, struct kfs_extent *extent, struct kfs_error *err);

/* SplitShard and MergeShards. -EINVAL with the reason in err; durable on return. */
int kfs_shard_split(struct kfs_stream *stream, uint32_t shard, kfs_hash new_starting, struct kfs_error *err);
int kfs_shard_merge(struct kfs_stream *stream, uint32_t shard, uint32_t adjacent, struct kfs_error *err);

/* ---- writing ---- */

/* struct kfs_put and kfs_put_result: backend/base/record.h. */

/* Appends records in the order given. With a shard index, all go there, and all
 * or none are stored. With KFS_NO_SHARD each goes to the open shard that owns
 * its hash key; per shard all or none. On 0 every record is stored, and survives the
 * death of this process. In a local store other readers see it; for a remote
 * endpoint it is on its way, and kfs_sync tells when it has come.
 * results may be NULL. Who asks for them waits until there are numbers: of a remote
 * endpoint until it has acknowledged, half a minute at most, then -ETIMEDOUT or
 * what stands in the way, and the records are on their way still. An endpoint may
 * refuse some of a shard's records and store the rest: results say which.
 * -EROFS closed shard (err names the children); -EMSGSIZE a record over the
 * limit; -EINVAL a bad key (then no shard stores any); -ENOSPC, -EDQUOT. On
 * failure results say which: a record that was not stored only because of
 * another has -ECANCELED. With n 0 nothing happens. */
int kfs_append(struct kfs_stream *stream, uint32_t shard, const struct kfs_put *puts, size_t n,
               struct kfs_put_result *results, struct kfs_error *err);

/* A request to be told when what was appended before it is safe: on this
 * machine's disk for a local store, acknowledged for a remote endpoint.
 * The caller owns it and keeps it until done is called; done runs once, on any
 * thread, perhaps before kfs_sync returns; it must not block. */
struct kfs_sync {
    void (*done)(struct kfs_sync *op, int result); /* 0 or -errno */
    /* 0: as long as it takes. Else done is called with -ETIMEDOUT where a remote endpoint has not acknowledged in
     * so long, at once where it is known not to answer; a local store takes what its disk takes. */
    uint64_t wait_ms;
    struct kfs_sync *next; /* the backend's, until done */
};

/* shard may be KFS_NO_SHARD for every shard of the stream. */
void kfs_sync(struct kfs_stream *stream, uint32_t shard, struct kfs_sync *op);

/* The same, waiting. */
int kfs_sync_wait(struct kfs_stream *stream, uint32_t shard);

/* The -errno of what a remote endpoint has refused for good since *seen, of which no result has told; *seen counts it
 * then. 0: nothing. *seen is 0 before the first, and of that shard or, with KFS_NO_SHARD, of all. A sync succeeds where
 * records were refused: they are safe as dead letters. Who wants to know asks here, in `done` too: it takes no time. */
int kfs_refused(struct kfs_stream *stream, uint32_t shard, uint64_t *seen);

/* ---- reading ---- */

/* Waits until all that was acknowledged before the call, by whomever, and all that was appended here before it, can be
 * read here, or until it is known that the endpoint does not answer: then 0 too, and what was read before can be read.
 * Bounded: five seconds. A store whose appends are seen at once returns at once. shard may be KFS_NO_SHARD. What who
 * opens a file for reading calls: he ends at the tip as it was then. */
int kfs_catch_up(struct kfs_stream *stream, uint32_t shard, struct kfs_error *err);

/* From kfs_attend to kfs_unattend what others append to the shard (KFS_NO_SHARD: to all there are and will be) is
 * brought here as it comes, and watches are told. A remote endpoint is asked for it only while someone attends or has a
 * reader; where appends are seen at once anyway these do nothing. As often the one as the other; a deleted stream
 * may be attended. */
void kfs_attend(struct kfs_stream *stream, uint32_t shard);
void kfs_unattend(struct kfs_stream *stream, uint32_t shard);

/* struct kfs_position, kfs_record, kfs_batch, kfs_limit and kfs_stored: backend/base/record.h. */

/* Closed before the reference that it was opened with. */
int kfs_reader_open(struct kfs_stream *stream, uint32_t shard, struct kfs_reader **reader, struct kfs_error *err);
void kfs_reader_close(struct kfs_reader *reader); /* takes NULL */

/* The offset that a position means now. Positions before the horizon mean the
 * horizon, those beyond the last record the tip. */
int kfs_locate(struct kfs_reader *reader, const struct kfs_position *position, uint64_t *offset, struct kfs_error *err);

/* Records from the first that begins at `offset` or later; n is 0 at the tip,
 * and next is the tip or, where that is beyond it, `offset`. A limit of more
 * than KFS_RECORD_BYTES_MAX bytes counts as that. On failure the batch is empty.
 * -ESTALE where offset lies in a part that retention has removed; -EIO where a
 * record is damaged, after the whole ones before it have been returned. */
int kfs_read(struct kfs_reader *reader, uint64_t offset, const struct kfs_limit *limit, struct kfs_batch *batch,
             struct kfs_error *err);

/* Bytes of the default view, as many as there are up to len and to where the shard may have aggregates. 0 at the
 * tip, and from there on, whatever offset is asked for. The same errors. Never bytes whose checksum is wrong. */
ssize_t kfs_read_bytes(struct kfs_reader *reader, uint64_t offset, void *data, size_t len, struct kfs_error *err);

/* Records from `offset` on, where one begins, up to the one that reaches the room, or fewer, as many as are at hand: n
 * is 0 also where the first does not fit, or cannot be had so, and kfs_read tells why. The same errors. */
int kfs_read_stored(struct kfs_reader *reader, uint64_t offset, struct kfs_stored *stored, struct kfs_error *err);

/* ---- being told ---- */

enum kfs_event {
    KFS_EVENT_GREW,   /* `shard` has new records (the others come with KFS_NO_SHARD) */
    KFS_EVENT_SHARDS, /* shards were opened or closed, or settings changed */
    KFS_EVENT_DELETED /* the stream is gone */
};

/* A standing wish to be told of a stream's events. wake runs on the thread
 * that made the event, with no lock of the backend held but the one that keeps
 * unwatch from returning; it must be quick and call no kfs_ function. */
struct kfs_watch {
    void (*wake)(struct kfs_watch *watch, uint32_t shard, enum kfs_event event);
    struct kfs_watch *next; /* the backend's */
};

void kfs_watch(struct kfs_stream *stream, struct kfs_watch *watch);
void kfs_unwatch(struct kfs_stream *stream, struct kfs_watch *watch); /* on return wake is not running */

/* ---- dead letters ---- */

/* Records of a shard that a remote endpoint refused for good, and that are kept here; a local store has none. */
int kfs_dead_count(struct kfs_stream *stream, uint32_t shard, uint64_t *n, struct kfs_error *err);

/* Oldest first; their arrival is when they were refused, their numbers say nothing. Stops when visit returns non-zero,
 * and returns that. */
typedef int kfs_dead_visit(void *arg, const struct kfs_record *record);
int kfs_dead_list(struct kfs_stream *stream, uint32_t shard, kfs_dead_visit *visit, void *arg, struct kfs_error *err);

/* Those there are now are sent again, behind what waits to be sent, or forgotten. On 0 that is durable; after a failure
 * those not yet sent again are still there. -EOPNOTSUPP for a local store. */
enum kfs_dead_end { KFS_DEAD_RESEND, KFS_DEAD_DROP };
int kfs_dead_end(struct kfs_stream *stream, uint32_t shard, enum kfs_dead_end end, struct kfs_error *err);

/* ---- tags ---- */

#define KFS_NOTE_TAGS "tags"
#define KFS_TAGS_MAX 50
#define KFS_TAG_KEY_CHARS_MAX 128
#define KFS_TAG_VALUE_CHARS_MAX 256
#define KFS_TAG_BYTES_MAX ((size_t)4 * KFS_TAG_VALUE_CHARS_MAX) /* of either */

struct kfs_tag {
    const char *key;   /* 1 to 128 characters */
    const char *value; /* 0 to 256; NULL in a change: the tag is removed */
};

/* True where a key or value has but letters, digits, spaces and _ . / = + - @ : of which letters are all beyond ASCII.
 */
bool kfs_tag_text_valid(const char *text);

/* In any order; stops when visit returns non-zero, and returns that. Those of a remote endpoint may be as old as
 * `refresh`. */
typedef int kfs_tag_visit(void *arg, const struct kfs_tag *tag);
int kfs_tag_list(struct kfs_stream *stream, kfs_tag_visit *visit, void *arg, struct kfs_error *err);

/* Sets and removes. -EINVAL a key or value that cannot be, -EDQUOT more than KFS_TAGS_MAX. A local store does all or
 * none, durably; removing what is not there is no failure. */
int kfs_tag_change(struct kfs_stream *stream, const struct kfs_tag *changes, size_t n, struct kfs_error *err);

/* The note of tags that a stream is made with; the same errors. */
int kfs_tag_print(const struct kfs_tag *tags, size_t n, struct kfs_buf *note, struct kfs_error *err);

/* ---- notes ---- */

/* Small texts that front ends keep with a stream, or with the backend as a whole
 * where stream is NULL, by name. They are deleted with the stream. */
#define KFS_NOTE_BYTES_MAX (1U << 20)
#define KFS_NOTE_NAME_MAX 64
/* Begins the names of those that tell only of records: a repair of records removes them. */
#define KFS_NOTE_DERIVED "gauge-"

/* True for [a-zA-Z0-9_.-]{1,64} that does not begin with a dot or end with ".new". */
bool kfs_note_name_valid(const char *name);

/* Appends the text to buf, nothing where there is no such note. -EMSGSIZE where it
 * does not fit into buf->max. */
int kfs_note_get(struct kfs_backend *b, struct kfs_stream *stream, const char *name, struct kfs_buf *buf,
                 struct kfs_error *err);

/* Replaces the whole note; no bytes remove it. On 0 it is durable, on failure the old
 * one is still there. -EINVAL bad name, -EMSGSIZE over KFS_NOTE_BYTES_MAX, -ENOSPC, -EDQUOT. */
int kfs_note_set(struct kfs_backend *b, struct kfs_stream *stream, const char *name, struct kfs_bytes text,
                 struct kfs_error *err);

/* Names in byte order; stops when visit returns non-zero, and returns that. */
typedef int kfs_note_visit(void *arg, const char *name);
int kfs_note_list(struct kfs_backend *b, struct kfs_stream *stream, kfs_note_visit *visit, void *arg,
                  struct kfs_error *err);

/* ---- the backend as a whole ---- */

/* Whether its functions may wait for the answers of an endpoint, as said above. */
bool kfs_is_remote(const struct kfs_backend *b);

/* struct kfs_space: backend/base/io.h. */
int kfs_space(struct kfs_backend *b, struct kfs_space *space, struct kfs_error *err);

/* Members for status.json, as `"name":value,...` text appended to json. */
int kfs_status(struct kfs_backend *b, struct kfs_buf *json);

/* Called for each fault that no caller is there to be told of (a failed
 * background sync, a damaged record found). Set once, before use. */
typedef void kfs_fault_hook(void *arg, const char *stream, uint32_t shard, const struct kfs_error *err);
void kfs_on_fault(struct kfs_backend *b, kfs_fault_hook *hook, void *arg);

/* Before a close, while front ends still wait for syncs: gives a remote endpoint the time that the mount allows to
 * acknowledge what is on its way, then tells who waits -ETIMEDOUT, as whoever asks from now on. What is not
 * acknowledged is sent by the next mount. A local store returns at once. */
void kfs_drain(struct kfs_backend *b);

/* Waits until everything is safe, then frees. Every stream and reader must be
 * closed before. Returns -errno where something could not be made safe. */
int kfs_backend_close(struct kfs_backend *b);

/* ---- what a backend implements ---- */

struct kfs_backend_ops {
    const char *name;
    int (*stream_list)(struct kfs_backend *, kfs_stream_visit *, void *, struct kfs_error *);
    int (*stream_create)(struct kfs_backend *, const char *, const struct kfs_stream_spec *, struct kfs_error *);
    int (*stream_open)(struct kfs_backend *, const char *, struct kfs_stream **, struct kfs_error *);
    void (*stream_close)(struct kfs_stream *);
    int (*stream_delete)(struct kfs_stream *, struct kfs_error *);
    int (*stream_info)(struct kfs_stream *, struct kfs_stream_info *, struct kfs_error *);
    int (*stream_update)(struct kfs_stream *, const struct kfs_stream_change *, struct kfs_error *);
    int (*stream_resize)(struct kfs_stream *, uint32_t, struct kfs_error *);
    int (*shard_list)(struct kfs_stream *, struct kfs_shard_info **, size_t *, struct kfs_error *);
    int (*shard_info)(struct kfs_stream *, uint32_t, struct kfs_shard_info *, struct kfs_error *);
    int (*shard_extent)(struct kfs_stream *, uint32_t, struct kfs_extent *, struct kfs_error *);
    int (*shard_split)(struct kfs_stream *, uint32_t, kfs_hash, struct kfs_error *);
    int (*shard_merge)(struct kfs_stream *, uint32_t, uint32_t, struct kfs_error *);
    int (*append)(struct kfs_stream *, uint32_t, const struct kfs_put *, size_t, struct kfs_put_result *,
                  struct kfs_error *);
    void (*sync)(struct kfs_stream *, uint32_t, struct kfs_sync *);
    int (*refused)(struct kfs_stream *, uint32_t, uint64_t *);          /* NULL: nothing ever is */
    int (*catch_up)(struct kfs_stream *, uint32_t, struct kfs_error *); /* NULL: appends are seen at once */
    void (*attend)(struct kfs_stream *, uint32_t, bool);                /* true: from now on; NULL: it does nothing */
    int (*reader_open)(struct kfs_stream *, uint32_t, struct kfs_reader **, struct kfs_error *);
    void (*reader_close)(struct kfs_reader *);
    int (*locate)(struct kfs_reader *, const struct kfs_position *, uint64_t *, struct kfs_error *);
    int (*read)(struct kfs_reader *, uint64_t, const struct kfs_limit *, struct kfs_batch *, struct kfs_error *);
    ssize_t (*read_bytes)(struct kfs_reader *, uint64_t, void *, size_t, struct kfs_error *);
    int (*read_stored)(struct kfs_reader *, uint64_t, struct kfs_stored *, struct kfs_error *);
    void (*watch)(struct kfs_stream *, struct kfs_watch *);
    void (*unwatch)(struct kfs_stream *, struct kfs_watch *);
    /* NULL, all three: there never are dead letters. */
    int (*dead_count)(struct kfs_stream *, uint32_t, uint64_t *, struct kfs_error *);
    int (*dead_list)(struct kfs_stream *, uint32_t, kfs_dead_visit *, void *, struct kfs_error *);
    int (*dead_end)(struct kfs_stream *, uint32_t, enum kfs_dead_end, struct kfs_error *);
    /* NULL, both: they are in the stream's note KFS_NOTE_TAGS. */
    int (*tag_list)(struct kfs_stream *, kfs_tag_visit *, void *, struct kfs_error *);
    int (*tag_change)(struct kfs_stream *, const struct kfs_tag *, size_t, struct kfs_error *);
    int (*note_get)(struct kfs_backend *, struct kfs_stream *, const char *, struct kfs_buf *, struct kfs_error *);
    int (*note_set)(struct kfs_backend *, struct kfs_stream *, const char *, struct kfs_bytes, struct kfs_error *);
    int (*note_list)(struct kfs_backend *, struct kfs_stream *, kfs_note_visit *, void *, struct kfs_error *);
    int (*space)(struct kfs_backend *, struct kfs_space *, struct kfs_error *);
    int (*status)(struct kfs_backend *, struct kfs_buf *);
    void (*drain)(struct kfs_backend *); /* NULL: there is nothing to wait for */
    int (*close)(struct kfs_backend *);
};

/* Embedded first in a backend's own structures. */
struct kfs_backend {
    const struct kfs_backend_ops *ops;
    kfs_fault_hook *fault; /* may be NULL */
    void *fault_arg;
    /* Held while a note KFS_NOTE_TAGS is changed; made and destroyed by a backend that has no ops of tags. */
    pthread_mutex_t tags;
};

struct kfs_stream {
    struct kfs_backend *backend;
};

struct kfs_reader {
    struct kfs_stream *stream;
    uint32_t shard;
};

#endif
