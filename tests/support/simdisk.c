/* The simulated disk: the calls of struct kfs_io, and their faults. */
#include "tests/support/simdisk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/simdisk_internal.h"

/* ---- faults ---- */

static bool changes(enum simdisk_call call)
{
    return call == SIMDISK_CREATE || call >= SIMDISK_WRITE;
}

/* Counts a call. 0, or -errno where it is to fail, having done `effect`. */
static int begin(struct simdisk *disk, enum simdisk_call call, enum simdisk_effect *effect)
{
    *effect = SIMDISK_NOTHING;
    if (disk->stopped)
        return -EIO;
    disk->counts[call]++;
    if (changes(call) && disk->stop_in > 0 && --disk->stop_in == 0) {
        disk->stopped = true;
        *effect = disk->stop_effect;
        return -EIO;
    }
    if ((disk->fail_call == call || disk->fail_call == SIMDISK_ANY) && disk->fail_in > 0 && --disk->fail_in == 0) {
        disk->failed = true;
        *effect = disk->fail_effect;
        return -disk->fail_error;
    }
    *effect = SIMDISK_ALL;
    return 0;
}

static struct simdisk *enter(void *ctx)
{
    struct simdisk *disk = ctx;

    (void)pthread_mutex_lock(&disk->lock);
    return disk;
}

static int leave(struct simdisk *disk, int rc)
{
    (void)pthread_mutex_unlock(&disk->lock);
    return rc;
}

/* ---- descriptors ---- */

static int new_fd(struct simdisk *disk, size_t inode)
{
    size_t fd = 0;

    while (fd < disk->n_fds && disk->fds[fd] != 0)
        fd++;
    if (fd == disk->n_fds) {
        disk->fds = sim_alloc(disk->fds, (disk->n_fds + 1) * sizeof *disk->fds);
        disk->n_fds++;
    }
    disk->fds[fd] = inode + 1;
    return (int)fd;
}

static struct sim_inode *inode_of(const struct simdisk *disk, int fd)
{
    if (fd < 0 || (size_t)fd >= disk->n_fds || disk->fds[fd] == 0)
        abort(); /* a descriptor that is not open: always a bug */
    return &disk->inodes[disk->fds[fd] - 1];
}

static size_t dir_of(const struct simdisk *disk, int fd)
{
    if (!inode_of(disk, fd)->is_dir)
        abort();
    return disk->fds[fd] - 1;
}

static void sim_close(void *ctx, int fd)
{
    struct simdisk *disk = enter(ctx);

    (void)inode_of(disk, fd);
    disk->fds[fd] = 0;
    (void)leave(disk, 0);
}

/* ---- names ---- */

/* Does a change of names, and remembers that it is not durable. */
static void change_names(struct simdisk *disk, const struct sim_name_op *op)
{
    sim_name_apply(&disk->names, op);
    disk->name_ops = sim_alloc(disk->name_ops, (disk->n_name_ops + 1) * sizeof *disk->name_ops);
    disk->name_ops[disk->n_name_ops++] = *op;
}

static void make_name(struct simdisk *disk, size_t dir, const char *name, size_t inode)
{
    change_names(disk, &(struct sim_name_op){.adds = true, .add = sim_entry(dir, name, inode)});
}

static int open_locked(struct simdisk *disk, int dir_fd, const char *name, enum kfs_open_mode mode)
{
    size_t dir = dir_of(disk, dir_fd);
    const struct sim_entry *entry = strcmp(name, ".") == 0 ? NULL : sim_find(&disk->names, dir, name);
    bool creates = entry == NULL && (mode == KFS_OPEN_CREATE || mode == KFS_OPEN_NEW);
    enum simdisk_effect effect;
    int rc = begin(disk, creates ? SIMDISK_CREATE : SIMDISK_OPEN, &effect);

    if (creates && effect == SIMDISK_ALL)
        make_name(disk, dir, name, sim_new_inode(disk, false));
    if (rc != 0)
        return rc;
    if (strcmp(name, ".") == 0)
        return new_fd(disk, dir);
    if (creates)
        entry = sim_find(&disk->names, dir, name);
    else if (mode == KFS_OPEN_NEW && entry != NULL)
        return -EEXIST;
    if (entry == NULL)
        return -ENOENT;
    if (disk->inodes[entry->inode].is_dir != (mode == KFS_OPEN_DIR))
        return mode == KFS_OPEN_DIR ? -ENOTDIR : -EISDIR;
    return new_fd(disk, entry->inode);
}

static int sim_open(void *ctx, int dir, const char *name, enum kfs_open_mode mode)
{
    struct simdisk *disk = enter(ctx);

    return leave(disk, open_locked(disk, dir, name, mode));
}

static int sim_open_root(void *ctx, const char *path, bool make)
{
    struct simdisk *disk = enter(ctx);

    (void)path;
    (void)make;
    return leave(disk, new_fd(disk, 0));
}

static int sim_mkdir(void *ctx, int dir_fd, const char *name)
{
    struct simdisk *disk = enter(ctx);
    size_t dir = dir_of(disk, dir_fd);
    bool exists = sim_find(&disk->names, dir, name) != NULL;
    enum simdisk_effect effect;
    int rc = begin(disk, SIMDISK_MKDIR, &effect);

    if (!exists && effect == SIMDISK_ALL)
        make_name(disk, dir, name, sim_new_inode(disk, true));
    return leave(disk, rc == 0 && exists ? -EEXIST : rc);
}

static int remove_name(struct simdisk *disk, int dir_fd, const char *name, bool is_dir)
{
    size_t dir = dir_of(disk, dir_fd);
    const struct sim_entry *entry = sim_find(&disk->names, dir, name);
    enum simdisk_effect effect;
    int rc = begin(disk, SIMDISK_UNLINK, &effect);

    if (entry == NULL)
        return rc != 0 ? rc : -ENOENT;
    if (disk->inodes[entry->inode].is_dir != is_dir)
        return rc != 0 ? rc : is_dir ? -ENOTDIR : -EISDIR;
    for (size_t i = 0; is_dir && i < disk->names.n; i++) {
        if (disk->names.entries[i].dir == entry->inode)
            return rc != 0 ? rc : -ENOTEMPTY;
    }
    if (effect == SIMDISK_ALL)
        change_names(disk, &(struct sim_name_op){.removes = true, .remove = sim_entry(dir, name, entry->inode)});
    return rc;
}

static int sim_unlink(void *ctx, int dir, const char *name)
{
    struct simdisk *disk = enter(ctx);

    return leave(disk, remove_name(disk, dir, name, false));
}

static int sim_rmdir(void *ctx, int dir, const char *name)
{
    struct simdisk *disk = enter(ctx);

    return leave(disk, remove_name(disk, dir, name, true));
}

static int sim_link(void *ctx, int from_fd, const char *from, int to_fd, const char *to)
{
    struct simdisk *disk = enter(ctx);
    const struct sim_entry *entry = sim_find(&disk->names, dir_of(disk, from_fd), from);
    size_t to_dir = dir_of(disk, to_fd);
    bool exists = sim_find(&disk->names, to_dir, to) != NULL;
    enum simdisk_effect effect;
    int rc = begin(disk, SIMDISK_CREATE, &effect);

    if (rc == 0 && (entry == NULL || exists))
        rc = entry == NULL ? -ENOENT : -EEXIST;
    else if (entry != NULL && !exists && effect == SIMDISK_ALL)
        make_name(disk, to_dir, to, entry->inode);
    return leave(disk, rc);
}

static int sim_rename(void *ctx, int from_fd, const char *from, int to_fd, const char *to)
{
    struct simdisk *disk = enter(ctx);
    size_t from_dir = dir_of(disk, from_fd);
    size_t to_dir = dir_of(disk, to_fd);
    const struct sim_entry *entry = sim_find(&disk->names, from_dir, from);
    enum simdisk_effect effect;
    int rc = begin(disk, SIMDISK_RENAME, &effect);

    if (entry == NULL)
        return leave(disk, rc != 0 ? rc : -ENOENT);
    if (effect == SIMDISK_ALL) {
        size_t inode = entry->inode;
        change_names(disk, &(struct sim_name_op){.adds = true,
                                                 .removes = true,
                                                 .add = sim_entry(to_dir, to, inode),
                                                 .remove = sim_entry(from_dir, from, inode)});
    }
    return leave(disk, rc);
}

/* A rename between directories becomes durable with either. */
static int sim_sync_dir(void *ctx, int fd)
{
    struct simdisk *disk = enter(ctx);
    size_t dir = dir_of(disk, fd);
    size_t left = 0;
    enum simdisk_effect effect;
    int rc = begin(disk, SIMDISK_SYNC_DIR, &effect);

    for (size_t i = 0; effect == SIMDISK_ALL && i < disk->n_name_ops; i++) {
        struct sim_name_op op = disk->name_ops[i];
        if (!((op.adds && op.add.dir == dir) || (op.removes && op.remove.dir == dir))) {
            disk->name_ops[left++] = op;
            continue;
        }
        sim_name_apply(&disk->durable, &op);
    }
    if (effect == SIMDISK_ALL)
        disk->n_name_ops = left;
    return leave(disk, rc);
}

static int sim_list(void *ctx, int fd, int (*visit)(void *arg, const char *name), void *arg)
{
    struct simdisk *disk = enter(ctx);
    size_t dir = dir_of(disk, fd);
    enum simdisk_effect effect;
    char **names = sim_alloc(NULL, disk->names.n * sizeof *names);
    size_t n = 0;
    int rc = begin(disk, SIMDISK_LIST, &effect);

    for (size_t i = 0; rc == 0 && i < disk->names.n; i++) {
        if (disk->names.entries[i].dir == dir)
            names[n++] = strdup(disk->names.entries[i].name);
    }
    (void)leave(disk, 0);
    for (size_t i = 0; i < n; i++) {
        if (rc == 0)
            rc = visit(arg, names[i]);
        free(names[i]);
    }
    free(names);
    return rc;
}

/* ---- bytes ---- */

static ssize_t sim_pread(void *ctx, int fd, void *data, size_t len, uint64_t offset)
{
    struct simdisk *disk = enter(ctx);
    const struct sim_bytes *cache = &inode_of(disk, fd)->cache;
    enum simdisk_effect effect;
    int rc = begin(disk, SIMDISK_READ, &effect);
    size_t n = 0;

    if (rc == 0 && offset < cache->size) {
        n = cache->size - offset < len ? (size_t)(cache->size - offset) : len;
        memcpy(data, cache->data + offset, n);
    }
    (void)leave(disk, 0);
    return rc != 0 ? rc : (ssize_t)n;
}

static void add_op(struct sim_inode *inode, const struct sim_op *op)
{
    inode->ops = sim_alloc(inode->ops, (inode->n_ops + 1) * sizeof *inode->ops);
    inode->ops[inode->n_ops++] = *op;
}

static struct sim_bytes join(const struct iovec *iov, int n)
{
    struct sim_bytes bytes = {0};

    for (int i = 0; i < n; i++)
        sim_write(&bytes, bytes.size, iov[i].iov_base, iov[i].iov_len, 0);
    return bytes;
}

static int sim_pwrite_all(void *ctx, int fd, const struct iovec *iov, int n, uint64_t offset)
{
    struct simdisk *disk = enter(ctx);
    struct sim_inode *inode = inode_of(disk, fd);
    struct sim_bytes bytes = join(iov, n);
    enum simdisk_effect effect;
    int rc = begin(disk, SIMDISK_WRITE, &effect);
    uint64_t others = simdisk_used(disk) - inode->cache.size;

    if (effect != SIMDISK_ALL)
        bytes.size = effect == SIMDISK_HALF ? bytes.size / 2 : 0;
    if (rc == 0 && offset + bytes.size > inode->cache.size && others + offset + bytes.size > disk->room) {
        uint64_t end = disk->room > others ? disk->room - others : 0;
        bytes.size = end > offset ? (size_t)(end - offset) : 0;
        rc = -ENOSPC;
    }
    if (bytes.size > 0) {
        sim_write(&inode->cache, offset, bytes.data, bytes.size, 0);
        add_op(inode, &(struct sim_op){.at = offset, .bytes = bytes});
    } else {
        free(bytes.data);
    }
    return leave(disk, rc);
}

static int sim_truncate(void *ctx, int fd, uint64_t size)
{
    struct simdisk *disk = enter(ctx);
    struct sim_inode *inode = inode_of(disk, fd);
    enum simdisk_effect effect;
    int rc = begin(disk, SIMDISK_TRUNCATE, &effect);

    if (effect == SIMDISK_ALL) {
        sim_resize(&inode->cache, (size_t)size, 0);
        add_op(inode, &(struct sim_op){.truncates = true, .at = size});
    }
    return leave(disk, rc);
}

static int sim_size(void *ctx, int fd, uint64_t *size)
{
    struct simdisk *disk = enter(ctx);
    enum simdisk_effect effect;
    int rc = begin(disk, SIMDISK_SIZE, &effect);

    if (rc == 0)
        *size = inode_of(disk, fd)->cache.size;
    return leave(disk, rc);
}

static int sim_datasync(void *ctx, int fd)
{
    struct simdisk *disk = enter(ctx);
    struct sim_inode *inode = inode_of(disk, fd);
    enum simdisk_effect effect;
    int rc = begin(disk, SIMDISK_DATASYNC, &effect);

    for (size_t i = 0; effect != SIMDISK_NOTHING && i < inode->n_ops; i++) {
        const struct sim_op *op = &inode->ops[i];
        if (effect == SIMDISK_HALF && i % 2 == 1)
            continue;
        if (op->truncates)
            sim_resize(&inode->durable, (size_t)op->at, 0);
        else
            sim_write(&inode->durable, op->at, op->bytes.data, op->bytes.size, 0);
    }
    if (!disk->stopped)
        sim_drop_ops(inode); /* also where it failed: the kernel takes them for clean */
    return leave(disk, rc);
}

static void sim_drop_clean(void *ctx, int fd)
{
    struct simdisk *disk = enter(ctx);
    struct sim_inode *inode = inode_of(disk, fd);
    size_t size = inode->cache.size;

    sim_copy(&inode->cache, &inode->durable);
    for (size_t i = 0; i < inode->n_ops; i++) {
        const struct sim_op *op = &inode->ops[i];
        if (op->truncates)
            sim_resize(&inode->cache, (size_t)op->at, 0);
        else
            sim_write(&inode->cache, op->at, op->bytes.data, op->bytes.size, 0);
    }
    sim_resize(&inode->cache, size, 0); /* the size is not a page */
    (void)leave(disk, 0);
}

static void sim_write_hint(void *ctx, int fd)
{
    struct simdisk *disk = enter(ctx);

    (void)inode_of(disk, fd);
    (void)leave(disk, 0);
}

static int sim_lock(void *ctx, int fd)
{
    (void)ctx;
    (void)fd;
    return 0;
}

static int sim_space(void *ctx, int fd, struct kfs_space *space)
{
    struct simdisk *disk = enter(ctx);
    uint64_t used = simdisk_used(disk);

    (void)fd;
    *space = (struct kfs_space){.total_bytes = disk->room,
                                .free_bytes = disk->room > used ? disk->room - used : 0,
                                .total_files = UINT32_MAX,
                                .free_files = UINT32_MAX};
    return leave(disk, 0);
}

/* ---- the disk ---- */

struct simdisk *simdisk_new(void)
{
    struct simdisk *disk = sim_alloc(NULL, sizeof *disk);

    *disk = (struct simdisk){.room = UINT64_MAX};
    disk->io = (struct kfs_io){.ctx = disk,
                               .open_root = sim_open_root,
                               .open = sim_open,
                               .close = sim_close,
                               .pread = sim_pread,
                               .pwrite_all = sim_pwrite_all,
                               .lock = sim_lock,
                               .truncate = sim_truncate,
                               .size = sim_size,
                               .datasync = sim_datasync,
                               .sync_dir = sim_sync_dir,
                               .write_hint = sim_write_hint,
                               .drop_clean = sim_drop_clean,
                               .space = sim_space,
                               .mkdir = sim_mkdir,
                               .unlink = sim_unlink,
                               .rmdir = sim_rmdir,
                               .link = sim_link,
                               .rename = sim_rename,
                               .list = sim_list};
    (void)pthread_mutex_init(&disk->lock, NULL);
    (void)sim_new_inode(disk, true);
    return disk;
}

void simdisk_free(struct simdisk *disk)
{
    if (disk == NULL)
        return;
    for (size_t i = 0; i < disk->n_inodes; i++) {
        free(disk->inodes[i].cache.data);
        free(disk->inodes[i].durable.data);
        sim_drop_ops(&disk->inodes[i]);
    }
    free(disk->names.entries);
    free(disk->durable.entries);
    free(disk->name_ops);
    free(disk->inodes);
    free(disk->fds);
    (void)pthread_mutex_destroy(&disk->lock);
    free(disk);
}

const struct kfs_io *simdisk_io(struct simdisk *disk)
{
    return &disk->io;
}

int simdisk_root(struct simdisk *disk)
{
    return sim_open_root(disk, "", false);
}

size_t simdisk_open_files(const struct simdisk *disk)
{
    size_t n = 0;

    for (size_t i = 0; i < disk->n_fds; i++)
        n += disk->fds[i] != 0;
    return n;
}

void simdisk_fail(struct simdisk *disk, enum simdisk_call call, uint64_t nth, int error, enum simdisk_effect effect)
{
    disk->fail_call = call;
    disk->fail_in = nth;
    disk->fail_error = error;
    disk->fail_effect = effect;
    disk->failed = false;
}

bool simdisk_has_failed(const struct simdisk *disk)
{
    return disk->failed;
}

void simdisk_set_room(struct simdisk *disk, uint64_t bytes)
{
    disk->room = bytes;
}

uint64_t simdisk_used(const struct simdisk *disk)
{
    uint64_t used = 0;

    for (size_t i = 0; i < disk->names.n; i++)
        used += disk->inodes[disk->names.entries[i].inode].cache.size;
    return used;
}

uint64_t simdisk_count(const struct simdisk *disk, enum simdisk_call call)
{
    uint64_t n = 0;

    for (int i = 0; i < SIMDISK_ANY; i++)
        n += call == SIMDISK_ANY || (int)call == i ? disk->counts[i] : 0;
    return n;
}

uint64_t simdisk_changes(const struct simdisk *disk)
{
    uint64_t n = 0;

    for (int i = 0; i < SIMDISK_ANY; i++)
        n += changes((enum simdisk_call)i) ? disk->counts[i] : 0;
    return n;
}

void simdisk_stop(struct simdisk *disk, uint64_t nth, enum simdisk_effect effect)
{
    disk->stop_in = nth;
    disk->stop_effect = effect;
}

bool simdisk_stopped(const struct simdisk *disk)
{
    return disk->stopped;
}
