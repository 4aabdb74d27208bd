/* One process a directory: the file `lock` in it, locked, holds the pid. */
#ifndef KFS_BASE_DIRLOCK_H
#define KFS_BASE_DIRLOCK_H

#include "backend/base/error.h"
#include "backend/base/io.h"

/* *fd is set also where this fails, if the file could be opened; closing it gives the lock
 * up. A holder may be about to end: it is waited for, a second. -EBUSY names it. */
int kfs_dir_lock(const struct kfs_io *io, int dir, int *fd, struct kfs_error *err);

#endif
