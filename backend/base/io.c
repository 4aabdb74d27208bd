#include "backend/base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define IOV_CHUNK 1024 /* IOV_MAX on Linux */

static int result(int rc)
{
    return rc < 0 ? -errno : rc;
}

static int posix_open(void *ctx, int dir, const char *name, enum kfs_open_mode mode)
{
    static const int flags[] = {
        [KFS_OPEN_READ] = O_RDONLY,
        [KFS_OPEN_WRITE] = O_RDWR,
        [KFS_OPEN_CREATE] = O_RDWR | O_CREAT,
        [KFS_OPEN_NEW] = O_RDWR | O_CREAT | O_EXCL,
        [KFS_OPEN_DIR] = O_RDONLY | O_DIRECTORY,
    };
    int fd;

    (void)ctx;
    do
        fd = openat(dir, name, flags[mode] | O_CLOEXEC | O_NOFOLLOW, 0600);
    while (fd < 0 && errno == EINTR);
    return result(fd);
}

static int posix_open_root(void *ctx, const char *path, bool make)
{
    (void)ctx;
    if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
        return -errno;
    return result(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int posix_lock(void *ctx, int fd)
{
    (void)ctx;
    return result(flock(fd, LOCK_EX | LOCK_NB));
}

static void posix_close(void *ctx, int fd)
{
    (void)ctx;
    (void)close(fd);
}

static ssize_t posix_pread(void *ctx, int fd, void *data, size_t len, uint64_t offset)
{
    size_t done = 0;

    (void)ctx;
    while (done < len) {
        ssize_t n = pread(fd, (char *)data + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

/* Writes the rest of a vector of which `skip` bytes are done. Returns bytes written or -errno. */
static ssize_t write_rest(int fd, const struct iovec *iov, int n, size_t skip, uint64_t offset)
{
    ssize_t wrote;

    while (n > 0 && skip >= iov->iov_len) {
        skip -= iov->iov_len;
        iov++;
        n--;
    }
    if (n == 0)
        return 0;
    if (skip == 0 && n > 1)
        wrote = pwritev(fd, iov, n < IOV_CHUNK ? n : IOV_CHUNK, (off_t)offset);
    else
        wrote = pwrite(fd, (const char *)iov->iov_base + skip, iov->iov_len - skip, (off_t)offset);
    return wrote < 0 ? -errno : wrote;
}

static int posix_pwrite_all(void *ctx, int fd, const struct iovec *iov, int n, uint64_t offset)
{
    size_t total = 0;
    size_t done = 0;

    (void)ctx;
    for (int i = 0; i < n; i++)
        total += iov[i].iov_len;
    while (done < total) {
        ssize_t wrote = write_rest(fd, iov, n, done, offset + done);
        if (wrote == -EINTR)
            continue;
        if (wrote < 0)
            return (int)wrote;
        if (wrote == 0)
            return -EIO;
        done += (size_t)wrote;
    }
    return 0;
}

static int posix_truncate(void *ctx, int fd, uint64_t size)
{
    (void)ctx;
    return result(ftruncate(fd, (off_t)size));
}

static int posix_size(void *ctx, int fd, uint64_t *size)
{
    struct stat st;

    (void)ctx;
    if (fstat(fd, &st) < 0)
        return -errno;
    *size = (uint64_t)st.st_size;
    return 0;
}

static int posix_datasync(void *ctx, int fd)
{
    (void)ctx;
    return result(fdatasync(fd));
}

static int posix_sync_dir(void *ctx, int dir)
{
    (void)ctx;
    return result(fsync(dir));
}

static void posix_write_hint(void *ctx, int fd)
{
    (void)ctx;
    (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

static void posix_drop_clean(void *ctx, int fd)
{
    (void)ctx;
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static int posix_space(void *ctx, int dir, struct kfs_space *space)
{
    struct statvfs st;

    (void)ctx;
    if (fstatvfs(dir, &st) < 0)
        return -errno;
    *space = (struct kfs_space){.total_bytes = (uint64_t)st.f_blocks * st.f_frsize,
                                .free_bytes = (uint64_t)st.f_bavail * st.f_frsize,
                                .total_files = st.f_files,
                                .free_files = st.f_favail};
    return 0;
}

static int posix_mkdir(void *ctx, int dir, const char *name)
{
    (void)ctx;
    return result(mkdirat(dir, name, 0700));
}

static int posix_unlink(void *ctx, int dir, const char *name)
{
    (void)ctx;
    return result(unlinkat(dir, name, 0));
}

static int posix_rmdir(void *ctx, int dir, const char *name)
{
    (void)ctx;
    return result(unlinkat(dir, name, AT_REMOVEDIR));
}

static int posix_link(void *ctx, int from_dir, const char *from, int to_dir, const char *to)
{
    (void)ctx;
    return result(linkat(from_dir, from, to_dir, to, 0));
}

static int posix_rename(void *ctx, int from_dir, const char *from, int to_dir, const char *to)
{
    (void)ctx;
    return result(renameat(from_dir, from, to_dir, to));
}

static int posix_list(void *ctx, int dir, int (*visit)(void *arg, const char *name), void *arg)
{
    int fd = posix_open(ctx, dir, ".", KFS_OPEN_DIR);
    int rc = 0;

    if (fd < 0)
        return fd;
    DIR *stream = fdopendir(fd);
    if (stream == NULL) {
        rc = -errno;
        (void)close(fd);
        return rc;
    }
    while (rc == 0) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (entry == NULL) {
            rc = -errno;
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = visit(arg, entry->d_name);
    }
    (void)closedir(stream);
    return rc;
}

const struct kfs_io kfs_posix_io = {
    .open_root = posix_open_root,
    .open = posix_open,
    .lock = posix_lock,
    .close = posix_close,
    .pread = posix_pread,
    .pwrite_all = posix_pwrite_all,
    .truncate = posix_truncate,
    .size = posix_size,
    .datasync = posix_datasync,
    .sync_dir = posix_sync_dir,
    .write_hint = posix_write_hint,
    .drop_clean = posix_drop_clean,
    .space = posix_space,
    .mkdir = posix_mkdir,
    .unlink = posix_unlink,
    .rmdir = posix_rmdir,
    .link = posix_link,
    .rename = posix_rename,
    .list = posix_list,
};

int kfs_io_replace(const struct kfs_io *io, int dir, const char *name, const void *data, size_t len)
{
    char fresh[NAME_MAX + 1];
    struct iovec iov = {(void *)(uintptr_t)data, len};

    if (snprintf(fresh, sizeof fresh, "%s.new", name) >= (int)sizeof fresh)
        return -ENAMETOOLONG;
    int fd = io->open(io->ctx, dir, fresh, KFS_OPEN_CREATE);
    if (fd < 0)
        return fd;
    int rc = io->truncate(io->ctx, fd, 0);
    if (rc == 0)
        rc = io->pwrite_all(io->ctx, fd, &iov, 1, 0);
    if (rc == 0)
        rc = io->datasync(io->ctx, fd);
    io->close(io->ctx, fd);
    if (rc == 0)
        rc = io->rename(io->ctx, dir, fresh, dir, name);
    if (rc == 0)
        rc = io->sync_dir(io->ctx, dir);
    return rc;
}

int kfs_io_make_dir(const struct kfs_io *io, int parent, const char *name)
{
    int rc = io->mkdir(io->ctx, parent, name);

    if (rc == 0 || rc == -EEXIST)
        rc = io->sync_dir(io->ctx, parent);
    return rc == 0 ? io->open(io->ctx, parent, name, KFS_OPEN_DIR) : rc;
}

int kfs_io_read_file(const struct kfs_io *io, int dir, const char *name, struct kfs_buf *buf)
{
    uint64_t size;
    int fd = io->open(io->ctx, dir, name, KFS_OPEN_READ);

    if (fd < 0)
        return fd;
    int rc = io->size(io->ctx, fd, &size);
    if (rc == 0)
        rc = size > buf->max ? -EMSGSIZE : kfs_buf_reserve(buf, (size_t)size);
    if (rc == 0 && size > 0) {
        ssize_t n = io->pread(io->ctx, fd, buf->data + buf->len, (size_t)size, 0);
        if (n < 0)
            rc = (int)n;
        else
            buf->len += (size_t)n;
    }
    io->close(io->ctx, fd);
    return rc;
}
