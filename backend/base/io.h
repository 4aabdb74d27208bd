/* File I/O, injected so that a test can fail, tear, drop or reorder it.
 *
 * Every function returns 0 or a count, or -errno. Directories and files are
 * small integers as in POSIX; names are single components, never paths, and
 * links are not followed. EINTR is retried inside; short transfers are not
 * hidden: pread and pwrite_all say what they did. */
#ifndef KFS_BASE_IO_H
#define KFS_BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "backend/base/buf.h"

struct kfs_space {
    uint64_t total_bytes;
    uint64_t free_bytes; /* for an unprivileged user */
    uint64_t total_files;
    uint64_t free_files;
};

enum kfs_open_mode {
    KFS_OPEN_READ,   /* an existing file, for reading */
    KFS_OPEN_WRITE,  /* an existing file, for reading and writing */
    KFS_OPEN_CREATE, /* for both; created where missing (mode 0600) */
    KFS_OPEN_NEW,    /* for both; -EEXIST where it is there */
    KFS_OPEN_DIR     /* an existing directory */
};

struct kfs_io {
    void *ctx;
    int (*open_root)(void *ctx, const char *path, bool make); /* a directory by path, made where missing */
    int (*open)(void *ctx, int dir, const char *name, enum kfs_open_mode mode); /* a descriptor */
    void (*close)(void *ctx, int fd);
    ssize_t (*pread)(void *ctx, int fd, void *data, size_t len, uint64_t offset);
    /* Writes all of it or fails; after a failure any part may have been written. */
    int (*pwrite_all)(void *ctx, int fd, const struct iovec *iov, int n, uint64_t offset);
    int (*lock)(void *ctx, int fd); /* exclusive, until closed; -EWOULDBLOCK where another has it */
    int (*truncate)(void *ctx, int fd, uint64_t size);
    int (*size)(void *ctx, int fd, uint64_t *size);
    int (*datasync)(void *ctx, int fd);    /* fdatasync(2): data and the size needed to read it */
    int (*sync_dir)(void *ctx, int dir);   /* fsync(2) of a directory: the names in it */
    void (*write_hint)(void *ctx, int fd); /* start write-out now; only a hint */
    /* Forgets clean cached pages, so that what is read next comes from the disk: after a
     * failed sync the cache may hold what the disk does not. Only a hint. */
    void (*drop_clean)(void *ctx, int fd);
    int (*space)(void *ctx, int dir, struct kfs_space *space); /* of the file system that holds dir */
    int (*mkdir)(void *ctx, int dir, const char *name);        /* mode 0700 */
    int (*unlink)(void *ctx, int dir, const char *name);
    int (*rmdir)(void *ctx, int dir, const char *name);
    int (*link)(void *ctx, int from_dir, const char *from, int to_dir, const char *to); /* another name of a file */
    int (*rename)(void *ctx, int from_dir, const char *from, int to_dir, const char *to);
    /* Calls visit for each entry but . and .. until it returns non-zero; returns that or 0. */
    int (*list)(void *ctx, int dir, int (*visit)(void *arg, const char *name), void *arg);
};

extern const struct kfs_io kfs_posix_io;

/* Replaces a file whole: temporary NAME.new, sync, rename, sync of the
 * directory. On 0 the new text is durable; on -errno the old one is still there. */
int kfs_io_replace(const struct kfs_io *io, int dir, const char *name, const void *data, size_t len);

/* Opens a directory, made where it is missing. It is durable also where one that has ended made it: a descriptor, or
 * -errno. */
int kfs_io_make_dir(const struct kfs_io *io, int parent, const char *name);

/* Appends a whole file to buf. -EMSGSIZE where it is larger than buf may become. */
int kfs_io_read_file(const struct kfs_io *io, int dir, const char *name, struct kfs_buf *buf);

#endif
