/* Attributes: what stat shows, and the little of it that can be changed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/fs_internal.h"

#define BLOCK_BYTES 512
#define IO_BYTES 4096

static struct timespec from_ms(uint64_t ms)
{
    return (struct timespec){(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
}

int kfs_node_size(struct kfs_fs *fs, struct kfs_node *node, uint64_t *size, struct kfs_error *err)
{
    struct kfs_extent extent;
    struct kfs_merge *merge;
    uint64_t start;
    uint64_t end;
    int rc;

    switch (node->type) {
    case KFS_NODE_ERRORS:
        kfs_errors_extent(&fs->errors, &start, &end);
        *size = end - atomic_load(&node->begin)->base;
        return 0;
    case KFS_NODE_SHARD:
        if (kfs_node_is_plain(node)) {
            rc = kfs_shard_extent(node->topic->stream, node->shard, &extent, err);
            if (rc != 0)
                return rc;
            *size = extent.end - atomic_load(&node->begin)->base;
            if (kfs_node_stored_to(node, &extent) == UINT64_MAX)
                return 0;
        }
        /* fall through */
    case KFS_NODE_ALL:
        rc = kfs_node_merge(fs, node, &merge, err);
        return rc != 0 ? rc : kfs_merge_size(merge, size, err);
    case KFS_NODE_STATUS:
    case KFS_NODE_METRICS:
    case KFS_NODE_DEAD:
    case KFS_NODE_CURSOR:
        *size = atomic_load(&node->text_len);
        return 0;
    case KFS_NODE_ROOT:
    case KFS_NODE_CONTROL_DIR:
    case KFS_NODE_STREAM:
    case KFS_NODE_CURSORS_DIR:
        break;
    }
    *size = 0;
    return 0;
}

static mode_t mode_of(const struct kfs_fs *fs, const struct kfs_node *node, bool closed)
{
    mode_t mode = S_IFREG | 0444;

    switch (node->type) {
    case KFS_NODE_ROOT:
    case KFS_NODE_STREAM:
    case KFS_NODE_CURSORS_DIR:
        mode = S_IFDIR | 0777;
        break;
    case KFS_NODE_CONTROL_DIR:
        mode = S_IFDIR | 0555;
        break;
    case KFS_NODE_CURSOR: /* it can be removed without being asked about */
        mode = S_IFREG | 0666;
        break;
    case KFS_NODE_SHARD:
    case KFS_NODE_ALL:
        if (!closed)
            mode = S_IFREG | 0666;
        break;
    case KFS_NODE_STATUS:
    case KFS_NODE_METRICS:
    case KFS_NODE_DEAD:
    case KFS_NODE_ERRORS:
        break;
    }
    return mode & ~(mode_t)fs->config.umask;
}

/* The newest arrival of a stream: the time of `all`, and of its directory the creation. */
static int stream_times(const struct kfs_node *node, uint64_t *ms, struct kfs_error *err)
{
    struct kfs_stream_info info;
    struct kfs_shard_info *shards;
    size_t n;
    int rc = kfs_stream_info(node->topic->stream, &info, err);

    if (rc != 0)
        return rc;
    *ms = info.created_ms;
    if (node->type != KFS_NODE_ALL)
        return 0;
    rc = kfs_shard_list(node->topic->stream, &shards, &n, err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n; i++) {
        struct kfs_extent extent;
        if (kfs_shard_extent(node->topic->stream, shards[i].index, &extent, NULL) == 0 && extent.last_arrival_ms > *ms)
            *ms = extent.last_arrival_ms;
    }
    free(shards);
    return 0;
}

/* The size that stat shows. Of a file that cannot be read to its end it is that
 * of its whole part: the read behind it tells what is wrong. */
static int shown_size(struct kfs_fs *fs, struct kfs_node *node, uint64_t *size, struct kfs_error *err)
{
    struct kfs_merge *merge;
    int rc = kfs_node_size(fs, node, size, err);

    if ((rc == -EIO || rc == -ESTALE) && kfs_node_merge(fs, node, &merge, NULL) == 0) {
        *size = kfs_merge_known_size(merge);
        rc = 0;
    }
    return rc;
}

int kfs_node_stat(struct kfs_fs *fs, struct kfs_node *node, struct stat *st, struct kfs_error *err)
{
    struct kfs_shard_info shard = {0};
    struct kfs_extent extent = {0};
    uint64_t ms = fs->started_ms;
    uint64_t size = 0;
    int rc = 0;

    if (node->type == KFS_NODE_SHARD) {
        rc = kfs_shard_info(node->topic->stream, node->shard, &shard, err);
        if (rc == 0)
            rc = kfs_shard_extent(node->topic->stream, node->shard, &extent, err);
        ms = extent.last_arrival_ms;
        size = extent.end - atomic_load(&node->begin)->base;
    } else if (node->type == KFS_NODE_ALL || node->type == KFS_NODE_STREAM) {
        rc = stream_times(node, &ms, err);
    }
    if (rc == 0 && !(kfs_node_is_plain(node) && kfs_node_stored_to(node, &extent) == UINT64_MAX))
        rc = shown_size(fs, node, &size, err);
    if (rc != 0)
        return rc;

    memset(st, 0, sizeof *st);
    st->st_ino = node->ino;
    st->st_mode = mode_of(fs, node, shard.closed && !fs->config.follow_closed);
    st->st_nlink = S_ISDIR(st->st_mode) ? 2 : 1;
    st->st_uid = fs->config.uid;
    st->st_gid = fs->config.gid;
    st->st_size = (off_t)size;
    st->st_blksize = IO_BYTES;
    st->st_blocks = (blkcnt_t)((size + BLOCK_BYTES - 1) / BLOCK_BYTES);
    st->st_mtim = from_ms(ms);
    st->st_ctim = st->st_mtim;
    st->st_atim = st->st_mtim;
    return 0;
}

int kfs_fs_getattr(struct kfs_fs *fs, struct kfs_node *node, struct stat *st)
{
    struct kfs_error err = {0};
    int rc = kfs_node_stat(fs, node, st, &err);

    if (rc != 0 && rc != -ENOENT)
        (void)kfs_node_report(fs, node, "stat", &err);
    return rc;
}

int kfs_fs_chmod(struct kfs_fs *fs, struct kfs_node *node, mode_t mode)
{
    struct kfs_error err = {0};
    struct stat st;
    int rc = kfs_node_stat(fs, node, &st, &err);

    if (rc != 0 || (st.st_mode & 07777) == (mode & 07777))
        return rc;
    (void)kfs_fail(&err, EPERM, "modes are set at mount, with the option umask");
    return kfs_node_report(fs, node, "chmod", &err);
}

int kfs_fs_chown(struct kfs_fs *fs, struct kfs_node *node, uid_t uid, gid_t gid)
{
    struct kfs_error err = {0};

    if ((uid == (uid_t)-1 || uid == fs->config.uid) && (gid == (gid_t)-1 || gid == fs->config.gid))
        return 0;
    (void)kfs_fail(&err, EPERM, "the owner is set at mount, with the options uid and gid");
    return kfs_node_report(fs, node, "chown", &err);
}

int kfs_fs_truncate(struct kfs_fs *fs, struct kfs_node *node, uint64_t size)
{
    struct kfs_error err = {0};
    uint64_t present = 0;
    int rc = size == 0 ? 0 : kfs_node_size(fs, node, &present, &err);

    if (rc != 0 || size == 0 || size == present)
        return rc;
    (void)kfs_fail(&err, EPERM, "a stream cannot be cut or extended, records are only appended");
    return kfs_node_report(fs, node, "truncate", &err);
}

int kfs_fs_space(struct kfs_fs *fs, struct kfs_space *space)
{
    struct kfs_error err = {0};
    int rc = kfs_space(fs->config.backend, space, &err);

    return rc == 0 ? 0 : kfs_report(&fs->errors, "statfs", "", KFS_NO_SHARD, &err);
}
