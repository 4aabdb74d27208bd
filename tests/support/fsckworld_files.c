/* Files of a simulated disk, by path. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/fsckworld.h"

static char *need(char *p)
{
    if (p == NULL)
        abort();
    return p;
}

/* Opens the directory that a path's last component is in; *name is that. -errno where there is none. */
static int open_parent(struct simdisk *disk, const char *path, const char **name)
{
    const struct kfs_io *io = simdisk_io(disk);
    int dir = simdisk_root(disk);
    char part[160];

    for (const char *slash; dir >= 0 && (slash = strchr(path, '/')) != NULL; path = slash + 1) {
        (void)snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        int next = io->open(io->ctx, dir, part, KFS_OPEN_DIR);
        io->close(io->ctx, dir);
        dir = next;
    }
    *name = path;
    return dir;
}

char *fw_get(struct simdisk *disk, const char *path, size_t *size)
{
    const struct kfs_io *io = simdisk_io(disk);
    const char *name;
    uint64_t len = 0;
    char *data = NULL;
    int dir = open_parent(disk, path, &name);

    if (dir < 0)
        return NULL;
    int fd = io->open(io->ctx, dir, name, KFS_OPEN_READ);
    io->close(io->ctx, dir);
    if (fd < 0)
        return NULL;
    assert_int_equal(io->size(io->ctx, fd, &len), 0);
    data = need(malloc((size_t)len + 1));
    assert_int_equal(io->pread(io->ctx, fd, data, (size_t)len, 0), len);
    io->close(io->ctx, fd);
    *size = (size_t)len;
    return data;
}

void fw_put(struct simdisk *disk, const char *path, const void *data, size_t size)
{
    const struct kfs_io *io = simdisk_io(disk);
    struct iovec iov = {(void *)(uintptr_t)data, size};
    const char *name;
    int dir = open_parent(disk, path, &name);

    assert_true(dir >= 0);
    int fd = io->open(io->ctx, dir, name, KFS_OPEN_CREATE);
    assert_true(fd >= 0);
    assert_int_equal(io->truncate(io->ctx, fd, size), 0);
    if (size > 0)
        assert_int_equal(io->pwrite_all(io->ctx, fd, &iov, 1, 0), 0);
    assert_int_equal(io->datasync(io->ctx, fd), 0);
    assert_int_equal(io->sync_dir(io->ctx, dir), 0);
    io->close(io->ctx, fd);
    io->close(io->ctx, dir);
}

void fw_remove(struct simdisk *disk, const char *path)
{
    const struct kfs_io *io = simdisk_io(disk);
    const char *name;
    int dir = open_parent(disk, path, &name);

    assert_true(dir >= 0);
    assert_int_equal(io->unlink(io->ctx, dir, name), 0);
    assert_int_equal(io->sync_dir(io->ctx, dir), 0);
    io->close(io->ctx, dir);
}

static int open_stream_dir(struct simdisk *disk)
{
    const char *name;
    int dir = open_parent(disk, "streams/s/", &name);

    assert_true(dir >= 0);
    return dir;
}

struct removal {
    const struct kfs_io *io;
    int dir;
};

static int remove_one(void *arg, const char *name)
{
    const struct removal *r = arg;

    return r->io->unlink(r->io->ctx, r->dir, name);
}

void fw_remove_shard(struct simdisk *disk, const char *name)
{
    const struct kfs_io *io = simdisk_io(disk);
    int dir = open_stream_dir(disk);
    struct removal r = {io, io->open(io->ctx, dir, name, KFS_OPEN_DIR)};

    assert_true(r.dir >= 0);
    assert_int_equal(io->list(io->ctx, r.dir, remove_one, &r), 0);
    io->close(io->ctx, r.dir);
    assert_int_equal(io->rmdir(io->ctx, dir, name), 0);
    assert_int_equal(io->sync_dir(io->ctx, dir), 0);
    io->close(io->ctx, dir);
}

void fw_make_dir(struct simdisk *disk, const char *path)
{
    const struct kfs_io *io = simdisk_io(disk);
    const char *name;
    int dir = open_parent(disk, path, &name);

    assert_true(dir >= 0);
    assert_int_equal(io->mkdir(io->ctx, dir, name), 0);
    assert_int_equal(io->sync_dir(io->ctx, dir), 0);
    io->close(io->ctx, dir);
}

void fw_flip(struct simdisk *disk, const char *path, size_t at, uint8_t mask)
{
    size_t size = 0;
    char *data = need(fw_get(disk, path, &size));

    assert_true(at < size);
    data[at] = (char)(data[at] ^ mask);
    fw_put(disk, path, data, size);
    free(data);
}

struct listing {
    struct simdisk *disk;
    struct fw_paths *out;
    const char *prefix;
    int dir;
};

static int visit(void *arg, const char *name)
{
    const struct listing *l = arg;
    const struct kfs_io *io = simdisk_io(l->disk);
    char path[160];

    (void)snprintf(path, sizeof path, "%s%s", l->prefix, name);
    int dir = io->open(io->ctx, l->dir, name, KFS_OPEN_DIR);
    if (dir < 0) {
        assert_true(l->out->n < FW_PATHS);
        memcpy(l->out->paths[l->out->n++], path, sizeof path);
        return 0;
    }
    (void)snprintf(path, sizeof path, "%s%s/", l->prefix, name);
    struct listing inner = {l->disk, l->out, path, dir};
    int rc = io->list(io->ctx, dir, visit, &inner);
    io->close(io->ctx, dir);
    return rc;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(a, b);
}

void fw_list(struct simdisk *disk, struct fw_paths *out)
{
    const struct kfs_io *io = simdisk_io(disk);
    struct listing l = {disk, out, "", simdisk_root(disk)};

    out->n = 0;
    assert_int_equal(io->list(io->ctx, l.dir, visit, &l), 0);
    io->close(io->ctx, l.dir);
    qsort(out->paths, out->n, sizeof out->paths[0], by_path);
}
