#include "backend/kinesis/env.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define PASSWD_BYTES 4096
#define READ_BYTES 4096

static const char *process_get(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

const struct kfs_env kfs_process_env = {NULL, process_get};

const char *kfs_env_get(const struct kfs_env *env, const char *name)
{
    const char *value = env->get(env->ctx, name);

    return value != NULL && *value != '\0' ? value : NULL;
}

bool kfs_env_true(const struct kfs_env *env, const char *name)
{
    const char *value = kfs_env_get(env, name);

    return value != NULL && strcasecmp(value, "true") == 0;
}

char *kfs_env_path(const struct kfs_env *env, const char *path)
{
    const char *home = kfs_env_get(env, "HOME");
    char space[PASSWD_BYTES];
    struct passwd entry;
    struct passwd *found = NULL;
    char *joined = NULL;

    if (strncmp(path, "~/", 2) != 0)
        return strdup(path);
    if (home == NULL && getpwuid_r(geteuid(), &entry, space, sizeof space, &found) == 0 && found != NULL)
        home = found->pw_dir;
    if (home == NULL || asprintf(&joined, "%s%s", home, path + 1) < 0)
        return NULL;
    return joined;
}

int kfs_read_path(const char *path, struct kfs_buf *buf)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t n = 1;
    int rc = 0;

    if (fd < 0)
        return -errno;
    while (rc == 0 && n > 0) {
        char piece[READ_BYTES];
        n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n < 0)
            rc = -errno;
        else
            rc = kfs_buf_append(buf, piece, (size_t)n);
        explicit_bzero(piece, sizeof piece);
    }
    (void)close(fd);
    return rc == -EMSGSIZE ? -EFBIG : rc;
}
