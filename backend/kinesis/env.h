/* The environment and files that a user's configuration of AWS is in. Injected, so that a test has another. */
#ifndef KFS_KINESIS_ENV_H
#define KFS_KINESIS_ENV_H

#include <stdbool.h>

#include "backend/base/buf.h"

struct kfs_env {
    void *ctx;
    const char *(*get)(void *ctx, const char *name); /* as getenv(3) */
};

extern const struct kfs_env kfs_process_env;

/* NULL where it is not set, or empty. */
const char *kfs_env_get(const struct kfs_env *env, const char *name);

/* Whether it is "true", in any case. */
bool kfs_env_true(const struct kfs_env *env, const char *name);

/* A path with ~/ at its begin is in the home directory: that of HOME, or of the user database. malloc'ed; NULL: no
 * home, or no memory. */
char *kfs_env_path(const struct kfs_env *env, const char *path);

/* Appends a file's bytes to buf: -ENOENT and so on; -EFBIG over the buffer's maximum. Never waits for a writer. */
int kfs_read_path(const char *path, struct kfs_buf *buf);

#endif
