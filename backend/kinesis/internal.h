/* Shared by the files of backend/kinesis that make the backend. */
#ifndef KFS_KINESIS_INTERNAL_H
#define KFS_KINESIS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "backend/base/cond.h"
#include "backend/base/names.h"
#include "backend/kinesis/kinesis.h"
#include "backend/kinesis/poller.h"
#include "backend/kinesis/sender.h"
#include "backend/kinesis/subscriber.h"
#include "backend/log/log.h"
#include "backend/topology.h"

#define REMOTE_SHARD_ID_MAX 24
#define REMOTE_TIP_WAIT_MS 5000     /* an open for reading */
#define REMOTE_LEAVING_WAIT_MS 1500 /* the same, where nothing leaves the spool meanwhile: more than a paced second */
#define REMOTE_RESULT_WAIT_MS 30000 /* an append that asks for results */
#define REMOTE_CHANGE_WAIT_MS 60000 /* until a stream is ACTIVE again */
#define REMOTE_ASK_WAIT_MS 10000    /* one call of the catalogue */

struct remote;
struct remote_stream;

/* Someone who waits for the tip. Under the shard's lock. */
struct remote_tip_wait {
    struct remote_tip_wait *next;
    uint64_t until;   /* the spool's position before which no request counts; 0: all do */
    uint64_t settled; /* the position as it was when it last moved, and when that was */
    uint64_t moved_ms;
    uint64_t request; /* a request with a greater number counts */
    bool placed;      /* request is set */
    bool done;
    int result;
};

/* A batch whose results someone waits for. Under the shard's lock. */
struct remote_result_wait {
    struct remote_result_wait *next;
    const uint64_t *offsets; /* of its records in the spool, ascending */
    struct kfs_put_result **results;
    size_t n;
    size_t left;
};

/* A request to be told when everything before `until` is settled. Under the shard's lock. */
struct remote_sync_wait {
    struct remote_sync_wait *next;
    uint64_t until;
    void (*done)(struct remote_sync_wait *wait, int result);
};

#define REMOTE_REFUSALS 65536 /* errno values are less */

struct remote_shard {
    struct remote_stream *stream; /* constant */
    char id[REMOTE_SHARD_ID_MAX]; /* constant, as the two that follow */
    uint32_t index;
    struct kfs_hash_range range;
    struct remote_shard *parents[2]; /* constant; NULL where there is none, or it expired before this was known */
    struct kfs_task task;            /* brings what changed to the machines */

    /* The stream's lock. */
    struct kfs_shard_info info;
    bool listed; /* still there: not expired */

    pthread_mutex_t lock;
    pthread_cond_t wake;        /* results and tips have come */
    struct remote_spool *spool; /* NULL while it is not used, and holds nothing */
    uint32_t spool_users;       /* who uses it without the lock */
    uint64_t spool_used_ms;
    struct remote_spool_state rested; /* of the spool, when it was closed */
    struct kfs_log *mirror;           /* NULL while it is not used */
    uint64_t used_ms;                 /* the mirror */
    uint64_t visit_ms;                /* when a closed one is next looked at */
    uint32_t readers;                 /* and who attends */
    struct remote_tip_wait *tips;
    struct remote_result_wait *results;
    struct remote_sync_wait *syncs;
    uint64_t tip_ms;  /* when the tip was last seen, or not waited for any longer; 0: not since the mount */
    bool ended;       /* closed, and all of it is in the mirror */
    bool reached;     /* it has been read while it was open: what its children have comes next */
    uint64_t settled; /* the spool's position, as waiters were told of it */
    bool failing;     /* the last call failed, and that was logged */
    int stuck;        /* why the spool does not leave until someone has mended it: -EIO, it is damaged, -EACCES; 0 */
    bool stopped;     /* the stream is gone: no machine is started any more, and nothing is spooled */
    bool expired;     /* the endpoint no longer has the shard: nothing more is read */
    bool hurry;       /* the machines that are backing off try now */
    bool look;        /* someone has opened it while the endpoint did not answer: the poller tries soon */
    struct kfs_error last_error;
    uint64_t last_error_ms;
    struct remote_sender_counts sent; /* copies for status */
    struct remote_poller_counts polled;
    struct remote_subscriber_counts fanned;
    /* How often records were that no one waited for, times REMOTE_REFUSALS, plus the last errno. */
    atomic_ullong refused;
    bool subscribed;   /* the subscriber is live: the poller rests */
    bool unsubscribed; /* the last subscription failed, and that was told */

    /* The loop's thread. */
    struct remote_sender *sender;         /* NULL until there is something to send */
    struct remote_poller *poller;         /* NULL while the mirror is not used */
    struct remote_subscriber *subscriber; /* the same, and without fanout */
};

/* What the endpoint says of a stream. */
struct remote_facts {
    uint64_t asked; /* a number that grows with each asking; 0: not asked since the mount */
    char arn[KFS_ARN_MAX];
    enum kfs_stream_status status;
    uint64_t created_ms;
    uint32_t retention_hours;
    uint32_t max_record_bytes;
    struct kfs_shard_info *shards; /* malloc'ed; by index */
    size_t n;
};

/* Lock order: remote.changes, remote.lock, stream.lock, shard.lock, the spool's and logs'; watch_lock last. */
struct remote_stream {
    struct kfs_stream base;
    struct remote *remote;              /* constant */
    char name[KFS_STREAM_NAME_MAX + 1]; /* constant */
    uint64_t generation;                /* constant */
    int dir;                            /* constant; -1 once it is gone, and no one uses it any more */
    atomic_uint refs;                   /* of front ends; it lives until the backend is closed */
    atomic_uint attended;               /* how many attend all shards */
    atomic_bool stale;                  /* to be asked about at once */
    atomic_ullong refused;              /* as that of a shard, of all of them */
    bool in_place;                      /* remote.changes: it is gone, and its directory could not be moved away */
    struct remote_stream *next_gone;    /* constant once it is gone */
    struct remote_consumer consumer;    /* made before the first shard; the loop's thread */

    atomic_bool gone; /* set under lock */
    pthread_rwlock_t lock;
    bool unsaved;                 /* the file `stream` is older than facts */
    struct remote_facts facts;    /* shards: NULL; they are in `shards` */
    struct remote_shard **shards; /* by index; never taken out */
    size_t n_shards;

    pthread_mutex_t tags_lock;
    struct kfs_buf tags; /* "key NUL value NUL" of each */
    uint64_t tags_ms;    /* when they were asked for; 0: they are not known */

    pthread_mutex_t watch_lock;
    struct kfs_watch *watches;
};

struct remote {
    struct kfs_backend base;
    struct kfs_kinesis_options options; /* constant */
    struct remote_world world;          /* constant */
    struct kfs_loop *loop;
    struct kfs_client *client;
    int dir;
    int streams_dir;
    int lock_fd;

    pthread_mutex_t changes; /* one creation or deletion at a time */
    pthread_mutex_t notes;   /* held while a note is written */

    pthread_mutex_t lock;
    struct kfs_names streams;               /* struct remote_stream */
    struct remote_stream *gone;             /* those that are gone; freed at the end */
    char (*names)[KFS_STREAM_NAME_MAX + 1]; /* what the endpoint lists */
    size_t n_names;
    uint64_t names_ms;    /* when; 0: never */
    uint64_t names_asked; /* as remote_facts.asked */

    pthread_mutex_t room_lock;
    pthread_cond_t room; /* of the spool */
    /* Bytes not settled, of all shards. Below zero for a moment where what was put into a spool has left it before it
     * was counted. */
    int64_t pending;

    atomic_ullong asked;    /* how often the endpoint was asked what there is */
    atomic_bool no_fanout;  /* the endpoint has no subscriptions, and that was told */
    uint32_t subscriptions; /* open now; the loop's thread */
    atomic_bool drained;    /* no sync is waited for any more */
    atomic_bool down;       /* the last call got no answer */
    atomic_bool back;       /* the last got one, and that before did not */
    atomic_bool failed;     /* something could not be made safe */
    atomic_uint closed;     /* logs, since memory was given back */

    pthread_mutex_t keeper_lock;
    pthread_cond_t keeper_wake;
    bool keeper_stop;
    bool keeper_hurry; /* some stream is stale, or the endpoint is back */
    bool keeper_runs;
    pthread_t keeper;
    pthread_cond_t tidier_wake;
    bool tidier_runs;
    pthread_t tidier;

    pthread_mutex_t asks_lock;
    struct remote_asking *asks; /* calls that are waited for */
    bool asks_end;              /* no more of them */
};

/* ---- kinesis.c ---- */
static inline uint64_t remote_mono(const struct remote *r)
{
    return r->options.clock->mono_ms(r->options.clock->ctx);
}
static inline uint64_t remote_wall(const struct remote *r)
{
    return r->options.clock->wall_ms(r->options.clock->ctx);
}
/* The endpoint answered, or did not. */
void remote_heard(struct remote *r, const struct kfs_error *failure);

/* ---- catalog.c: asking the endpoint ---- */

/* One call that is waited for; the format makes its body. call->value is its answer; to be released also after a
 * failure. */
int remote_ask(struct remote *r, const char *operation, struct kfs_call *call, struct kfs_error *err,
               const char *format, ...) __attribute__((format(printf, 5, 6)));
/* One whose answer does not matter. */
int remote_tell(struct remote *r, const char *operation, struct kfs_error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Ends the calls that are waited for, and all that would be, with -ECANCELED. */
void remote_end_asking(struct remote *r);
int remote_fetch_facts(struct remote *r, const char *name, struct remote_facts *facts, struct kfs_error *err);
void remote_facts_release(struct remote_facts *facts);
/* Sleeps, and doubles the time for the next sleep up to a second. */
#define REMOTE_PAUSE_MS 20
void remote_pause(uint64_t *ms);
/* Polls until the stream is ACTIVE, and has the facts then. */
int remote_await_active(struct remote *r, const char *name, struct remote_facts *facts, struct kfs_error *err);
/* The names, sorted and malloc'ed. */
int remote_fetch_names(struct remote *r, char (**names)[KFS_STREAM_NAME_MAX + 1], size_t *n, struct kfs_error *err);

/* ---- manifest.c: the file `stream` ---- */
int remote_manifest_save(struct remote_stream *stream, struct kfs_error *err); /* under stream.lock */
int remote_manifest_load(const struct kfs_io *io, int dir, uint64_t *generation, struct remote_facts *facts,
                         struct kfs_error *err);

/* ---- table.c: which streams there are ---- */
int remote_load_streams(struct remote *r, struct kfs_error *err);
void remote_free_streams(struct remote *r);
/* A reference. */
struct remote_stream *remote_find(struct remote *r, const char *name);
/* The streams there are now, each with a reference; malloc'ed. NULL: no memory. */
struct remote_stream **remote_all(struct remote *r, size_t *n);
void remote_all_release(struct remote_stream **streams, size_t n);
/* The streams that are gone; more come only before the first. */
struct remote_stream *remote_first_gone(struct remote *r);
/* Adds a stream that was not known, or returns the one that is. A reference. */
int remote_add(struct remote *r, const char *name, const struct remote_facts *facts, struct remote_stream **out,
               struct kfs_error *err);
void remote_forget(struct remote_stream *stream); /* it is gone from the endpoint */
int remote_refresh_names(struct remote *r, struct kfs_error *err);
int remote_stream_list(struct kfs_backend *b, kfs_stream_visit *visit, void *arg, struct kfs_error *err);
int remote_stream_open(struct kfs_backend *b, const char *name, struct kfs_stream **out, struct kfs_error *err);
void remote_stream_close(struct kfs_stream *s);

/* ---- sweep.c: directories that hold nothing any more ---- */

/* Removes those of shards that are not known, and have neither unacknowledged records nor dead letters. */
void remote_sweep_stream(struct remote_stream *stream);
/* What a stream's directory is called in gone/. */
#define REMOTE_GONE_NAME_MAX (KFS_STREAM_NAME_MAX + 32)
void remote_gone_name(const struct remote_stream *stream, char name[static REMOTE_GONE_NAME_MAX]);
/* Removes from gone/ what holds neither: of one stream, whose files are closed, or where NULL of all. */
void remote_sweep_gone(struct remote *r, const struct remote_stream *only);

/* ---- change.c: creating, deleting, changing ---- */
int remote_stream_create(struct kfs_backend *b, const char *name, const struct kfs_stream_spec *spec,
                         struct kfs_error *err);
int remote_stream_delete(struct kfs_stream *s, struct kfs_error *err);
int remote_stream_update(struct kfs_stream *s, const struct kfs_stream_change *change, struct kfs_error *err);
/* Waits until the stream is ACTIVE and takes over what it is now. */
int remote_stream_await(struct remote_stream *stream, struct kfs_error *err);
int remote_stream_check(const struct remote_stream *stream, struct kfs_error *err); /* -ENOENT: it is gone */

/* ---- resize.c ---- */
int remote_shard_split(struct kfs_stream *s, uint32_t index, kfs_hash start, struct kfs_error *err);
int remote_shard_merge(struct kfs_stream *s, uint32_t index, uint32_t adjacent, struct kfs_error *err);
int remote_stream_resize(struct kfs_stream *s, uint32_t target, struct kfs_error *err);
/* By SplitShard and MergeShards, one after the other. */
int remote_stream_reshard(struct remote_stream *stream, uint32_t target, struct kfs_error *err);

/* ---- stream.c ---- */
struct remote_stream *remote_stream_new(struct remote *r, const char *name, uint64_t generation, int dir);
void remote_stream_free(struct remote_stream *stream);
int remote_fail_gone(const struct remote_stream *stream, struct kfs_error *err);
/* Takes over what the endpoint says; wakes who watches where that is new. */
int remote_stream_apply(struct remote_stream *stream, const struct remote_facts *facts, bool save,
                        struct kfs_error *err);
/* The same, of a stream that may be another one by now: it is forgotten then, and -ENOENT. */
int remote_stream_learn(struct remote_stream *stream, const struct remote_facts *facts, struct kfs_error *err);
/* Asks the endpoint, and applies; the stream may turn out to be gone (-ENOENT). */
int remote_stream_refresh(struct remote_stream *stream, struct kfs_error *err);
void remote_stream_stop(struct remote_stream *stream); /* its machines; on the loop's thread */
/* -ENOENT. Constant pointers: they live as long as the backend. */
int remote_shard_find(struct remote_stream *stream, uint32_t index, struct remote_shard **shard,
                      struct kfs_shard_info *info, struct kfs_error *err);
/* The same, and the endpoint is asked where it may be new. */
int remote_shard_look(struct remote_stream *stream, uint32_t index, struct remote_shard **shard,
                      struct kfs_shard_info *info, struct kfs_error *err);
int remote_stream_info(struct kfs_stream *s, struct kfs_stream_info *info, struct kfs_error *err);
int remote_shard_list(struct kfs_stream *s, struct kfs_shard_info **shards, size_t *n, struct kfs_error *err);
int remote_shard_info(struct kfs_stream *s, uint32_t index, struct kfs_shard_info *info, struct kfs_error *err);
void remote_stream_wake(struct remote_stream *stream, uint32_t shard, enum kfs_event event);
void remote_watch(struct kfs_stream *s, struct kfs_watch *watch);
void remote_unwatch(struct kfs_stream *s, struct kfs_watch *watch);

/* ---- shard.c ---- */
struct remote_shard *remote_shard_new(struct remote_stream *stream, const struct kfs_shard_info *info);
void remote_shard_free(struct remote_shard *shard);
int remote_shard_spool(struct remote_shard *shard, struct kfs_error *err);  /* opens it; under shard.lock */
int remote_shard_mirror(struct remote_shard *shard, struct kfs_error *err); /* the same */
void remote_shard_post(struct remote_shard *shard);  /* something changed that concerns the machines */
void remote_shard_hurry(struct remote_shard *shard); /* the endpoint may answer again: try now */
/* The endpoint has the shard, or no longer. */
void remote_shard_list_as(struct remote_shard *shard, bool listed);
bool remote_shard_is_open(struct remote_shard *shard); /* one of its logs is */
/* Whether it has records that are not acknowledged, or dead letters. */
bool remote_shard_holds(struct remote_shard *shard);
void remote_shard_stop(struct remote_shard *shard);                           /* on the loop's thread */
void remote_shard_tidy(struct remote_shard *shard, uint32_t retention_hours); /* what is done every sync interval */
/* Removes from the mirror what is older than the retention was, before that is raised. */
void remote_shard_expire(struct remote_shard *shard, uint32_t retention_hours);
/* Opens the spool where there is one, so that what is in it leaves. */
int remote_shard_resume(struct remote_shard *shard, struct kfs_error *err);
int remote_shard_extent(struct kfs_stream *s, uint32_t index, struct kfs_extent *extent, struct kfs_error *err);

/* ---- told.c ---- */
extern const struct remote_sender_events remote_shard_sender_events; /* their arg is the shard */
extern const struct remote_poller_events remote_shard_poller_events;
extern const struct remote_subscriber_events remote_shard_subscriber_events;
void remote_take_room(struct remote *r, uint64_t bytes); /* so many more bytes wait in spools */
void remote_free_room(struct remote *r, uint64_t bytes);
/* Under the shard's lock. Takes out the syncs that are done at a position; UINT64_MAX: all. */
struct remote_sync_wait *remote_take_syncs(struct remote_shard *shard, uint64_t settled);
void remote_finish_syncs(struct remote_sync_wait *list, int result); /* without it: tells them */
void remote_shard_fail_syncs(struct remote_shard *shard);            /* tells who waits -ETIMEDOUT */
/* Under the lock: as what went wrong last, with its code and request. */
int remote_fail_as_last(const struct remote_shard *shard, int number, struct kfs_error *err);

/* ---- append.c, sync.c, read.c ---- */
int remote_append(struct kfs_stream *s, uint32_t index, const struct kfs_put *puts, size_t n,
                  struct kfs_put_result *results, struct kfs_error *err);
void remote_sync(struct kfs_stream *s, uint32_t index, struct kfs_sync *op);
int remote_refused(struct kfs_stream *s, uint32_t index, uint64_t *seen);
int remote_catch_up(struct kfs_stream *s, uint32_t index, struct kfs_error *err);
void remote_attend(struct kfs_stream *s, uint32_t index, bool on);
int remote_reader_open(struct kfs_stream *s, uint32_t index, struct kfs_reader **out, struct kfs_error *err);
void remote_reader_close(struct kfs_reader *r);
int remote_locate(struct kfs_reader *r, const struct kfs_position *position, uint64_t *offset, struct kfs_error *err);
int remote_read(struct kfs_reader *r, uint64_t offset, const struct kfs_limit *limit, struct kfs_batch *batch,
                struct kfs_error *err);
ssize_t remote_read_bytes(struct kfs_reader *r, uint64_t offset, void *data, size_t len, struct kfs_error *err);
int remote_read_stored(struct kfs_reader *r, uint64_t offset, struct kfs_stored *stored, struct kfs_error *err);

/* ---- dead.c ---- */
int remote_dead_count(struct kfs_stream *s, uint32_t index, uint64_t *n, struct kfs_error *err);
int remote_dead_list(struct kfs_stream *s, uint32_t index, kfs_dead_visit *visit, void *arg, struct kfs_error *err);
int remote_dead_end(struct kfs_stream *s, uint32_t index, enum kfs_dead_end end, struct kfs_error *err);

/* ---- tags.c ---- */
#define REMOTE_TAGS_BYTES_MAX (1U << 20) /* of a stream */
int remote_tag_list(struct kfs_stream *s, kfs_tag_visit *visit, void *arg, struct kfs_error *err);
int remote_tag_change(struct kfs_stream *s, const struct kfs_tag *changes, size_t n, struct kfs_error *err);

/* ---- notes.c, status.c, keeper.c ---- */
int remote_note_get(struct kfs_backend *b, struct kfs_stream *s, const char *name, struct kfs_buf *buf,
                    struct kfs_error *err);
int remote_note_set(struct kfs_backend *b, struct kfs_stream *s, const char *name, struct kfs_bytes text,
                    struct kfs_error *err);
int remote_note_list(struct kfs_backend *b, struct kfs_stream *s, kfs_note_visit *visit, void *arg,
                     struct kfs_error *err);
int remote_status(struct kfs_backend *b, struct kfs_buf *json);
int remote_keeper_start(struct remote *r);
void remote_keeper_stop(struct remote *r);
/* The stream is asked about at once: an answer said that it is not what it was. Any thread. */
void remote_keeper_hurry(struct remote_stream *stream);
void remote_keeper_wake(struct remote *r);
/* What is backing off tries at once: the endpoint answers again, or there is no later. */
void remote_hurry_shards(struct remote *r);

#endif
