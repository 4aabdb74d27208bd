/* What a source names, as a backend. */
#ifndef KFS_FS_SOURCE_H
#define KFS_FS_SOURCE_H

#include "backend/backend.h"
#include "fs/options.h"

struct kfs_source_state;

/* Opens the local store, or the state of a remote source, in a directory that is there. */
int kfs_source_open(const struct kfs_options *options, const char *dir, struct kfs_source_state **state,
                    struct kfs_backend **backend, struct kfs_error *err);

/* Closes the backend, and what it needed. Returns what kfs_backend_close does. */
int kfs_source_close(struct kfs_source_state *state, struct kfs_backend *backend);

#endif
