/* Shared by the files of the file system's core, no one else. */
#ifndef KFS_FS_INTERNAL_H
#define KFS_FS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "fs/cursor.h"
#include "fs/fs.h"
#include "fs/merge.h"
#include "fs/name.h"
#include "fs/report.h"
#include "fs/topic.h"
#include "fs/writer.h"

#define KFS_DIR_BUCKETS 1024
#define KFS_CLOSING_MS 50 /* between a flush and the release, if it was the last */

enum kfs_node_type {
    KFS_NODE_ROOT,
    KFS_NODE_CONTROL_DIR, /* /.kinesisfs */
    KFS_NODE_STATUS,      /* its files */
    KFS_NODE_METRICS,
    KFS_NODE_DEAD,
    KFS_NODE_ERRORS,
    KFS_NODE_CURSORS_DIR, /* /.kinesisfs/cursors, */
    KFS_NODE_CURSOR,      /* and a file there, of that name */
    KFS_NODE_STREAM,      /* a directory */
    KFS_NODE_SHARD,
    KFS_NODE_ALL
};

/* Where a file begins, and what it shows from there on. */
struct kfs_begin {
    uint64_t base;            /* what offset 0 of the file is in the shard's default view, or in errors */
    struct kfs_position from; /* the same of a file that is merged, in each shard; found (fs/from.h) */
    struct kfs_places places; /* of the cursor where the file begins: all of them, or the shard's */
    struct kfs_merge *merge; /* owned; merge_lock guards its making; NULL: stored bytes of one shard, or not yet made */
};

struct kfs_node {
    enum kfs_node_type type;
    ino_t ino;
    atomic_uint_fast64_t refs; /* the kernel's lookups, and open handles */
    struct kfs_topic *topic;   /* owned; NULL where no stream is concerned */
    struct kfs_view view;
    uint32_t shard;
    char name[KFS_NAME_MAX + 1]; /* of the stream's directory, with its view */

    struct kfs_cursor *cursor; /* a reference; NULL: the file is read without one */

    /* That of the lookup, and of a remote source that of the first open for reading: what had to be fetched for it
     * may belong before what a stat was told of. The first stays: that stat may not have ended. */
    struct kfs_begin begins[2];
    _Atomic(struct kfs_begin *) begin; /* the one that counts */
    pthread_mutex_t merge_lock;

    atomic_uint_fast64_t text_len; /* of a control file: what its open has made; before that nothing is known */

    struct kfs_node *next; /* in the table of directories */

    struct kfs_node *next_live; /* fs.live_lock: all nodes */
    struct kfs_node *prev_live;
};

struct kfs_handle {
    struct kfs_node *node; /* a reference */
    bool writable;
    bool readable;
    bool attends; /* it reads records: they are to come while it is open */
    bool append;
    bool durable; /* O_SYNC or O_DSYNC */
    bool follow;  /* reads wait; the topic is watched */

    pthread_mutex_t write_lock;
    struct kfs_writer writer;
    bool wrote;
    bool unclosed; /* written to since the last close */
    uint64_t size_at_open;
    uint64_t next_offset; /* where a writer without O_APPEND goes on */
    uint64_t last_write_ms;
    bool flushed; /* closed at least once since the last write, with a partial line left */
    int late_error;
    atomic_uint_fast64_t refused; /* what kfs_refused has told it */

    pthread_mutex_t read_lock;
    struct kfs_reader *reader;     /* opened at the first read */
    struct kfs_buf text;           /* of a control file, made at open */
    atomic_uint_fast64_t read_end; /* where the last read ended: what poll asks about */
    atomic_uint_fast64_t failed;   /* 1 + the offset of the last read if that failed, else 0 */

    struct kfs_cursor_reader cursor;

    atomic_bool locked; /* it has or had locks, which its release ends */

    struct kfs_listener listener;
    bool listening;

    struct kfs_handle *next; /* fs.handles_lock */
    struct kfs_handle *prev;
};

struct kfs_counters {
    atomic_uint_fast64_t reads;
    atomic_uint_fast64_t read_bytes;
    atomic_uint_fast64_t writes;
    atomic_uint_fast64_t written_bytes;
    atomic_uint_fast64_t syncs;
    atomic_uint_fast64_t waits;
    atomic_uint_fast64_t open_files;
    atomic_uint_fast64_t undecoded; /* read in a view with a coding, and shown as they are */
    atomic_uint_fast64_t keyless;   /* records in which a view's key was not found */
};

struct kfs_fs {
    struct kfs_fs_config config;
    struct kfs_errors errors;
    struct kfs_dispatcher dispatcher;
    struct kfs_merge_pool merges;
    struct kfs_counters counters;
    struct kfs_locks locks;
    struct kfs_cursors cursors;
    uint64_t started_ms;

    struct kfs_node root;
    struct kfs_node control;
    struct kfs_node cursors_dir;
    pthread_mutex_t dirs_lock;
    struct kfs_node *dirs[KFS_DIR_BUCKETS]; /* directories of streams, by name */

    pthread_mutex_t live_lock;
    struct kfs_node *live; /* what the kernel has, to be freed when it does not give it back */

    atomic_uint closing;   /* handles that are flushed with a partial line: their release may be on its way */
    atomic_uint releasing; /* those whose release makes a record of it */
    atomic_uint_fast64_t closing_until_ms;   /* by then a release has begun */
    atomic_uint_fast64_t unlocking_until_ms; /* the same for handles with locks */
    pthread_mutex_t handles_lock;
    struct kfs_handle *handles; /* all that are open */
    pthread_cond_t tick;
    bool stop;
    bool ticks;
    pthread_t ticker; /* makes records of partial lines that wait too long */
};

/* ---- node.c ---- */
void kfs_nodes_free(struct kfs_fs *fs); /* all of them */
void kfs_node_unref(struct kfs_fs *fs, struct kfs_node *node, uint64_t n);
/* The bytes that the node shows, where they are not stored ones of one shard. */
int kfs_node_merge(struct kfs_fs *fs, struct kfs_node *node, struct kfs_merge **merge, struct kfs_error *err);
/* Of a file of a remote source that is opened for reading for the first time, whose tip has been fetched: it begins
 * anew. */
int kfs_node_begin_anew(struct kfs_fs *fs, struct kfs_node *node, struct kfs_error *err);
/* Whether the node shows stored bytes of one shard, as long as that has no aggregate. */
bool kfs_node_is_plain(const struct kfs_node *node);
/* Up to which of its offsets a plain node does, by the shard's extent; UINT64_MAX while all is so. What is behind it is
 * the merge's; what was before it once is so for good. */
uint64_t kfs_node_stored_to(const struct kfs_node *node, const struct kfs_extent *extent);
/* Where in its shards a file stands at an offset; none where its shard has expired. *list is malloc'ed. */
int kfs_node_offsets(struct kfs_fs *fs, struct kfs_node *node, uint64_t offset, struct kfs_merge_offset **list,
                     size_t *n, struct kfs_error *err);
ino_t kfs_ino_of(const char *dir, uint64_t generation, uint32_t file);
uint64_t kfs_node_lock_key(const struct kfs_node *node);

/* ---- attr.c ---- */
int kfs_node_stat(struct kfs_fs *fs, struct kfs_node *node, struct stat *st, struct kfs_error *err);
int kfs_node_size(struct kfs_fs *fs, struct kfs_node *node, uint64_t *size, struct kfs_error *err);

/* ---- control.c ---- */
int kfs_control_text(struct kfs_fs *fs, const struct kfs_node *node, struct kfs_buf *text);

/* ---- write.c ---- */
enum kfs_finish { KFS_FINISH_IDLE, KFS_FINISH_SYNC, KFS_FINISH_LAST };
/* Partial line to record; write_lock held. What is none yet stays, but for the last time; idle, that is no failure. */
int kfs_handle_finish(struct kfs_fs *fs, struct kfs_handle *handle, enum kfs_finish when);
int kfs_ticker_start(struct kfs_fs *fs);
void kfs_ticker_stop(struct kfs_fs *fs);
void kfs_handles_add(struct kfs_fs *fs, struct kfs_handle *handle);
void kfs_handles_remove(struct kfs_fs *fs, struct kfs_handle *handle);

/* Reports err under an operation on a node; returns -err->code. */
int kfs_node_report(struct kfs_fs *fs, const struct kfs_node *node, const char *operation, const struct kfs_error *err);

#endif
