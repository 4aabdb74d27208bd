/* Cursors: names under which the places are kept that readers of a stream have come to.
 *
 * Invariants:
 *  1. A place moves only over records that its reader has read one after another from
 *     where the cursor stood, and has gone on from: a read at an offset says that what is
 *     before it has been dealt with, fsync that all is that was read. A close says nothing.
 *  2. A place is a record boundary, known by sequence number.
 *  3. Of one cursor a shard has at most one open file that reads, and `all` is every shard.
 *  4. What is confirmed is durable after close and fsync, and within KFS_CURSOR_SAVE_MS
 *     otherwise: a thread of its own sees to that, a read never waits for a disk.
 *
 * Locks: cursors.lock, before cursor.save_lock, before cursor.lock, before reader.lock;
 * all before those of merges and the backend. No disk is waited for under cursor.lock but
 * to read where a place is. */
#ifndef KFS_FS_CURSOR_H
#define KFS_FS_CURSOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend/backend.h"
#include "fs/merge.h"
#include "fs/place.h"
#include "fs/topic.h"

#define KFS_CURSOR_SAVE_MS 1000
#define KFS_CURSOR_NOTE_MAX KFS_NOTE_BYTES_MAX

struct kfs_cursor;
struct kfs_node;

/* The part of an open file. */
struct kfs_cursor_reader {
    struct kfs_cursor *cursor; /* NULL: it reads without one */
    struct kfs_node *node;
    pthread_mutex_t lock;
    uint64_t read_end;  /* reader.lock: up to here it read without a gap */
    uint64_t confirmed; /* reader.lock: up to here it has dealt with what it read */
    uint64_t piece_end; /* reader.lock: a read that begins here may be the next piece of one read(2); 0: none is */
    uint64_t collected; /* cursor.lock: of confirmed, what is in the places */
    /* reader.lock: what `confirmed` is in the shards of a merged file, found while it is read there: later a merge may
     * have forgotten in which order it showed their records. NULL for stored bytes of one, and when collected. */
    struct kfs_merge_offset *offsets;
    size_t n_offsets;
    atomic_bool closing; /* closed since its last read: its end may be on its way */
    struct kfs_cursor_reader *next;
};

struct kfs_cursor {
    char name[KFS_CURSOR_NAME_MAX + 1];
    struct kfs_topic *topic; /* a reference */
    uint64_t refs;           /* cursors.lock */
    pthread_mutex_t save_lock;
    pthread_mutex_t lock;
    bool exists;   /* there is or is to be a note; else the rest is empty */
    bool damaged;  /* there is a note that cannot be understood */
    bool removing; /* no reader may begin */
    bool dirty;    /* places have moved since they were saved */
    struct kfs_places places;
    struct kfs_cursor_reader *readers;
    struct kfs_cursor *next; /* cursors.lock */
};

/* All that files in use know. */
struct kfs_cursors {
    pthread_mutex_t lock;
    struct kfs_cursor *list;
    struct kfs_fs *fs;
    pthread_cond_t wake;
    bool runs; /* the thread; from the first reader on */
    bool stop;
    pthread_t thread;
};

void kfs_cursors_init(struct kfs_cursors *cursors, struct kfs_fs *fs);
void kfs_cursors_stop(struct kfs_cursors *cursors); /* ends the thread */
void kfs_cursors_release(struct kfs_cursors *cursors);

/* The cursor of a name in the topic's stream. The errors of kfs_note_get. */
int kfs_cursor_get(struct kfs_cursors *cursors, struct kfs_topic *topic, const char *name, struct kfs_cursor **cursor,
                   struct kfs_error *err);
void kfs_cursor_put(struct kfs_cursors *cursors, struct kfs_cursor *cursor); /* takes NULL */

/* Where a file of a shard (KFS_NO_SHARD: all) begins that is looked up now: a copy of the cursor's places, or where
 * `from` says if the cursor is new. -EIO where its note is damaged. */
int kfs_cursor_begin(struct kfs_cursor *cursor, uint32_t shard, const struct kfs_position *from,
                     struct kfs_places *places, struct kfs_error *err);

/* Begins reading through the node's cursor. -EBUSY where another file does; -ESTALE where the cursor has moved since
 * the node was looked up: it is to be looked up again. A new cursor begins with the node's places, and is saved. */
int kfs_cursor_attach(struct kfs_cursors *cursors, struct kfs_node *node, struct kfs_cursor_reader *reader,
                      struct kfs_error *err);
void kfs_cursor_detach(struct kfs_cursors *cursors, struct kfs_cursor_reader *reader); /* saves, if it must */

/* Saves what is confirmed; with `all` everything that was read is. closing: by a close(2). */
int kfs_cursor_confirm(struct kfs_cursors *cursors, struct kfs_cursor_reader *reader, bool all, bool closing,
                       struct kfs_error *err);

/* Forgets the cursor and removes its note. -EBUSY while it is read. */
int kfs_cursor_remove(struct kfs_cursors *cursors, struct kfs_cursor *cursor, struct kfs_error *err);

/* ---- cursor_reader.c ---- */

/* Confirms what was read before an offset, at most all. The errors of kfs_merge_offsets. */
int kfs_cursor_confirm_before(struct kfs_cursors *cursors, struct kfs_cursor_reader *reader, uint64_t offset,
                              struct kfs_error *err);

/* Before a read at an offset, and after one that returned n of len bytes. The kernel cuts a read(2) of more than
 * KFS_UNCUT_BYTES_MAX, and asks for the next piece before the program has got any: that says nothing. */
void kfs_cursor_reads(struct kfs_cursors *cursors, struct kfs_cursor_reader *reader, uint64_t offset);
void kfs_cursor_has_read(struct kfs_cursor_reader *reader, uint64_t offset, size_t n, size_t len);

/* ---- cursor_show.c: /.kinesisfs/cursors ---- */

/* Names in all streams, each once, in byte order; stops when visit returns non-zero, and returns that. */
typedef int kfs_cursor_visit(void *arg, const char *name);
int kfs_cursor_names(struct kfs_fs *fs, kfs_cursor_visit *visit, void *arg);

/* Whether a stream has a cursor of that name. */
bool kfs_cursor_known(struct kfs_fs *fs, const char *name);

/* Removes it in all streams. -ENOENT, and those of kfs_cursor_remove, having removed others perhaps. */
int kfs_cursor_unlink(struct kfs_fs *fs, const char *name, struct kfs_error *err);

/* Appends the JSON of /.kinesisfs/cursors/NAME; the cursors of a stream as a member for status.json, with its comma. */
int kfs_cursor_text(struct kfs_fs *fs, const char *name, struct kfs_buf *out);
int kfs_cursor_status(struct kfs_fs *fs, struct kfs_stream *stream, struct kfs_buf *out);

#endif
