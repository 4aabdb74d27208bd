#include "backend/base/dirlock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/patience.h"

/* A second: umount(8) does not wait until the process has ended, and who mounts again comes sooner. */
#define STEP_MS 20
#define STEPS 50

int kfs_dir_lock(const struct kfs_io *io, int dir, int *lock_fd, struct kfs_error *err)
{
    char pid[32] = "";

    int fd = io->open(io->ctx, dir, "lock", KFS_OPEN_CREATE);
    if (fd < 0)
        return kfs_fail(err, -fd, "cannot open the store's lock: %s", strerror(-fd));
    *lock_fd = fd;
    int rc = io->lock(io->ctx, fd);
    for (int i = 0; rc == -EWOULDBLOCK && i < STEPS; i++) {
        kfs_patience_sleep(STEP_MS);
        rc = io->lock(io->ctx, fd);
    }
    if (rc == -EWOULDBLOCK) {
        (void)io->pread(io->ctx, fd, pid, sizeof pid - 1, 0);
        pid[strcspn(pid, "\n")] = '\0';
        return kfs_fail(err, EBUSY, "the store is in use by process %s; unmount that first", pid);
    }
    if (rc != 0)
        return kfs_fail(err, -rc, "cannot lock the store: %s", strerror(-rc));
    (void)snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    struct iovec iov = {pid, strlen(pid)};
    rc = io->truncate(io->ctx, fd, 0);
    if (rc == 0)
        rc = io->pwrite_all(io->ctx, fd, &iov, 1, 0);
    return rc == 0 ? 0 : kfs_fail(err, -rc, "cannot write the store's lock: %s", strerror(-rc));
}
