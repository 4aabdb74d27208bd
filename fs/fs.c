/* The file system as a whole: starting and stopping it. */
#include "fs/fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cond.h"
#include "fs/fs_internal.h"

int kfs_node_report(struct kfs_fs *fs, const struct kfs_node *node, const char *operation, const struct kfs_error *err)
{
    return kfs_report(&fs->errors, operation, node->name, node->shard, err);
}

/* Faults of the backend that no caller was there for. */
static void on_fault(void *arg, const char *stream, uint32_t shard, const struct kfs_error *err)
{
    struct kfs_fs *fs = arg;

    (void)kfs_report(&fs->errors, "store", stream, shard, err);
}

static void init_dir(struct kfs_node *node, enum kfs_node_type type, ino_t ino)
{
    node->type = type;
    node->ino = ino;
    node->shard = KFS_NO_SHARD;
    node->view = kfs_view_default;
    atomic_init(&node->refs, 1);
}

int kfs_fs_new(const struct kfs_fs_config *config, struct kfs_fs **out, struct kfs_error *err)
{
    struct kfs_fs *fs = calloc(1, sizeof *fs);

    if (fs == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    fs->config = *config;
    fs->started_ms = config->clock->wall_ms(config->clock->ctx);
    init_dir(&fs->root, KFS_NODE_ROOT, 1);
    init_dir(&fs->control, KFS_NODE_CONTROL_DIR, 2);
    init_dir(&fs->cursors_dir, KFS_NODE_CURSORS_DIR, 7);
    kfs_errors_init(&fs->errors, config->clock);
    kfs_locks_init(&fs->locks);
    (void)pthread_mutex_init(&fs->dirs_lock, NULL);
    (void)pthread_mutex_init(&fs->live_lock, NULL);
    (void)pthread_mutex_init(&fs->handles_lock, NULL);
    kfs_cond_init(&fs->tick);
    kfs_merge_pool_init(&fs->merges);
    kfs_cursors_init(&fs->cursors, fs);
    kfs_on_fault(config->backend, on_fault, fs);
    int rc = kfs_dispatcher_start(&fs->dispatcher);
    if (rc == 0)
        rc = kfs_ticker_start(fs);
    if (rc != 0) {
        kfs_fs_stop(fs);
        kfs_fs_free(fs);
        return kfs_fail(err, -rc, "cannot start a thread: %s", strerror(-rc));
    }
    *out = fs;
    return 0;
}

void kfs_fs_stop(struct kfs_fs *fs)
{
    kfs_dispatcher_stop(&fs->dispatcher);
    (void)pthread_mutex_lock(&fs->live_lock);
    for (struct kfs_node *node = fs->live; node != NULL; node = node->next_live) {
        if (node->topic != NULL)
            kfs_topic_end(node->topic);
    }
    (void)pthread_mutex_unlock(&fs->live_lock);
    kfs_locks_end(&fs->locks);
    kfs_ticker_stop(fs);
    kfs_cursors_stop(&fs->cursors);
}

void kfs_fs_free(struct kfs_fs *fs)
{
    while (fs->handles != NULL)
        kfs_fs_release(fs, fs->handles);
    kfs_nodes_free(fs);
    kfs_cursors_release(&fs->cursors);
    kfs_merge_pool_release(&fs->merges);
    kfs_on_fault(fs->config.backend, NULL, NULL);
    kfs_errors_release(&fs->errors);
    kfs_locks_release(&fs->locks);
    (void)pthread_mutex_destroy(&fs->dirs_lock);
    (void)pthread_mutex_destroy(&fs->live_lock);
    (void)pthread_mutex_destroy(&fs->handles_lock);
    (void)pthread_cond_destroy(&fs->tick);
    free(fs);
}

struct kfs_node *kfs_fs_root(struct kfs_fs *fs)
{
    return &fs->root;
}

bool kfs_fs_is_remote(const struct kfs_fs *fs)
{
    return kfs_is_remote(fs->config.backend);
}
