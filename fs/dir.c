/* Directories: listing, making and removing streams. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/fs_internal.h"

/* ---- listing ---- */

struct root_list {
    struct kfs_fs *fs;
    kfs_entry_visit *visit;
    void *arg;
};

static int visit_stream(void *arg, const char *name)
{
    struct root_list *list = arg;
    struct kfs_dir_name parsed;
    struct kfs_error err = {0};

    if (kfs_name_lookup(name, &parsed, &err) != 0) {
        (void)kfs_fail(&err, EPERM, "a stream named %s cannot be shown as a directory and is left out", name);
        (void)kfs_report(&list->fs->errors, "list", name, KFS_NO_SHARD, &err);
        return 0;
    }
    return list->visit(list->arg, name, kfs_ino_of(name, 0, 0), S_IFDIR);
}

static int list_stream(struct kfs_node *node, kfs_entry_visit *visit, void *arg, struct kfs_error *err)
{
    struct kfs_shard_info *shards;
    char name[KFS_SHARD_NAME_LEN + 1];
    size_t n;
    int rc = kfs_shard_list(node->topic->stream, &shards, &n, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        kfs_shard_name_print(shards[i].index, name);
        rc = visit(arg, name, kfs_ino_of(node->name, node->topic->generation, shards[i].index + 2), S_IFREG);
    }
    free(shards);
    return rc == 0 ? visit(arg, KFS_ALL_NAME, kfs_ino_of(node->name, node->topic->generation, 1), S_IFREG) : rc;
}

static int visit_cursor(void *arg, const char *name)
{
    struct root_list *list = arg;

    return list->visit(list->arg, name, kfs_ino_of(name, 0, 1), S_IFREG);
}

int kfs_fs_list(struct kfs_fs *fs, struct kfs_node *node, kfs_entry_visit *visit, void *arg)
{
    struct root_list list = {fs, visit, arg};
    struct kfs_error err = {0};
    int rc;

    switch (node->type) {
    case KFS_NODE_ROOT:
        rc = visit(arg, KFS_STATUS_DIR, fs->control.ino, S_IFDIR);
        if (rc == 0)
            rc = kfs_stream_list(fs->config.backend, visit_stream, &list, &err);
        break;
    case KFS_NODE_CONTROL_DIR:
        rc = visit(arg, "status.json", 3, S_IFREG);
        if (rc == 0)
            rc = visit(arg, "metrics", 4, S_IFREG);
        if (rc == 0)
            rc = visit(arg, "errors", 5, S_IFREG);
        if (rc == 0)
            rc = visit(arg, "dead_letters", 6, S_IFREG);
        if (rc == 0)
            rc = visit(arg, KFS_CURSORS_DIR, fs->cursors_dir.ino, S_IFDIR);
        break;
    case KFS_NODE_CURSORS_DIR:
        rc = kfs_cursor_names(fs, visit_cursor, &list);
        break;
    case KFS_NODE_STREAM:
        rc = list_stream(node, visit, arg, &err);
        break;
    default:
        return -ENOTDIR;
    }
    if (rc < 0 && rc != -ENOENT && err.code != 0)
        return kfs_node_report(fs, node, "list", &err);
    return rc < 0 ? rc : 0;
}

/* ---- making and removing ---- */

static int refuse(struct kfs_fs *fs, const struct kfs_node *parent, const char *operation, const char *name)
{
    struct kfs_error err;

    (void)kfs_fail(&err, EPERM, "%s of %s: streams do not allow it; records are only appended", operation, name);
    return kfs_node_report(fs, parent, operation, &err);
}

int kfs_fs_refuse(struct kfs_fs *fs, struct kfs_node *parent, const char *operation, const char *name)
{
    return refuse(fs, parent, operation, name);
}

int kfs_fs_unlink(struct kfs_fs *fs, struct kfs_node *parent, const char *name)
{
    struct kfs_error err = {0};

    if (parent->type != KFS_NODE_CURSORS_DIR)
        return refuse(fs, parent, "unlink", name);
    int rc = kfs_cursor_unlink(fs, name, &err);
    return rc == 0 || err.code == 0 ? rc : kfs_report(&fs->errors, "unlink", "", KFS_NO_SHARD, &err);
}

int kfs_fs_mkdir(struct kfs_fs *fs, struct kfs_node *parent, const char *name)
{
    struct kfs_stream_spec spec = fs->config.new_stream;
    struct kfs_error err = {0};
    struct kfs_new_name parsed;

    if (parent->type != KFS_NODE_ROOT)
        return refuse(fs, parent, "mkdir", name);
    int rc = kfs_name_mkdir(name, &parsed, &err);
    if (rc == 0) {
        if (parsed.shards != 0)
            spec.shards = parsed.shards;
        rc = kfs_stream_create(fs->config.backend, parsed.stream, &spec, &err);
    }
    return rc == 0 ? 0 : kfs_report(&fs->errors, "mkdir", name, KFS_NO_SHARD, &err);
}

int kfs_fs_rmdir(struct kfs_fs *fs, struct kfs_node *parent, const char *name)
{
    struct kfs_error err = {0};
    struct kfs_dir_name parsed;
    struct kfs_stream *stream;

    if (parent->type != KFS_NODE_ROOT || strcmp(name, KFS_STATUS_DIR) == 0)
        return refuse(fs, parent, "rmdir", name);
    int rc = kfs_name_lookup(name, &parsed, &err);
    if (rc == 0 && parsed.has_view)
        return refuse(fs, parent, "rmdir", name);
    if (rc == 0)
        rc = kfs_stream_open(fs->config.backend, parsed.stream, &stream, &err);
    if (rc == 0) {
        rc = kfs_stream_delete(stream, &err);
        kfs_stream_close(stream);
    }
    return rc == 0 ? 0 : kfs_report(&fs->errors, "rmdir", name, KFS_NO_SHARD, &err);
}
