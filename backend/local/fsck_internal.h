/* Shared by the files fsck*.c, no one else. */
#ifndef KFS_LOCAL_FSCK_INTERNAL_H
#define KFS_LOCAL_FSCK_INTERNAL_H

#include "backend/local/fsck.h"
#include "backend/local/local_internal.h"

#define FSCK_LOST "lost+found"
#define FSCK_REPAIR_SUFFIX ".repair"

struct fsck {
    const struct kfs_fsck_options *options;
    const struct kfs_io *io;
    int dir;
    int streams_dir;
    int lock_fd;
    bool quiet;  /* nothing is reported: only the highest epoch is looked for */
    bool raised; /* the store's epoch is above every one whose numbers were given */
    uint64_t epoch;
    uint64_t highest; /* epoch found in numbers */
    char id[LOCAL_ID_SIZE];
    int status;
    struct kfs_fsck_totals *totals;
};

/* What a report is about. */
struct fsck_place {
    struct fsck *fsck;
    const char *stream;
    const char *shard;
};

/* ---- fsck.c ---- */
void fsck_find(const struct fsck_place *place, const struct kfs_finding *finding);
void fsck_say(const struct fsck_place *place, enum kfs_fsck_event event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for findings that are no shard log's. */
void fsck_found(const struct fsck_place *place, enum kfs_finding_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The names in a directory, sorted. */
struct fsck_names {
    char **names;
    size_t n;
    size_t cap;
};
int fsck_list(struct fsck *fsck, int dir, struct fsck_names *names);
void fsck_free_names(struct fsck_names *names);
bool fsck_ends_with(const char *name, const char *suffix);

/* Whether a finding of a kind is to be repaired now. */
bool fsck_mends(const struct fsck *fsck, bool loses);
/* Gives the store an epoch that no number has, durably, once. Before anything is numbered. */
int fsck_raise_epoch(struct fsck *fsck, struct kfs_error *err);
/* Removes left-overs of replacements that were cut short. */
void fsck_clean(struct fsck *fsck, int dir);
/* Reports a name that has no place there: dir ("" or with its slash) and name say where, what says what it is not. */
void fsck_stray(const struct fsck_place *place, const char *dir, const char *name, const char *what);
/* The notes in a directory, the store's or a stream's. */
void fsck_notes(const struct fsck_place *place, int parent);
void fsck_note_epoch(struct fsck *fsck, const struct kfs_seq *seq);

/* ---- fsck_stream.c ---- */
void fsck_stream(struct fsck *fsck, const char *name);

/* ---- fsck_manifest.c ---- */
/* Makes the settings of a stream whose file `stream` is lost of its shards' directories.
 * 0, -ENOENT where there is no record of the stream, -EINVAL where they do not tell; others where they cannot be read.
 */
int fsck_make_manifest(const struct fsck_place *place, int dir, struct local_manifest *m);
/* Whether the open shards cover every hash key once. */
bool fsck_topology_covers(const struct kfs_topology *topology);

/* ---- fsck_shard.c ---- */
void fsck_shard(struct fsck *fsck, int stream_dir, const char *stream, const struct kfs_shard_info *info);

#endif
