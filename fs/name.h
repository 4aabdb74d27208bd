/* Names in the mount: STREAM and STREAM@VIEW[,VIEW...] in the root,
 * STREAM@shards=N for mkdir, shardId-000000000000 and `all` in a stream. */
#ifndef KFS_FS_NAME_H
#define KFS_FS_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/backend.h"
#include "backend/base/error.h"
#include "fs/view.h"

#define KFS_NAME_MAX 255 /* bytes of a directory name */
#define KFS_STATUS_DIR ".kinesisfs"
#define KFS_CURSORS_DIR "cursors" /* in it */
#define KFS_ALL_NAME "all"
#define KFS_SHARD_NAME_LEN 20 /* shardId- and 12 digits */

struct kfs_dir_name {
    char stream[KFS_STREAM_NAME_MAX + 1];
    bool has_view;        /* there was an `@` */
    struct kfs_view view; /* the default one where there was none */
};

struct kfs_new_name {
    char stream[KFS_STREAM_NAME_MAX + 1];
    uint32_t shards; /* 1..KFS_SHARDS_MAX, or 0 where the name does not say */
};

/* A name of the root as lookup meets it. -ENOENT for what no stream or view
 * can be called; -EPERM for `.`, `..` and KFS_STATUS_DIR as the stream. */
int kfs_name_lookup(const char *name, struct kfs_dir_name *out, struct kfs_error *err);

/* A name for mkdir. -EINVAL for a bad stream name, a bad N, or anything else after the `@`; -EPERM as above. */
int kfs_name_mkdir(const char *name, struct kfs_new_name *out, struct kfs_error *err);

/* The file's shard index, or KFS_NO_SHARD for `all`. -ENOENT for any other name. */
int kfs_shard_name_parse(const char *name, uint32_t *shard);

/* The reverse: NUL-terminated, KFS_SHARD_NAME_LEN bytes for an index. */
void kfs_shard_name_print(uint32_t shard, char name[KFS_SHARD_NAME_LEN + 1]);

#endif
