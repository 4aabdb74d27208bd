/* An environment, a file and an effective user for the tests of options, and
 * short ways to say that arguments are accepted or refused. */
#ifndef KFS_TESTS_OPTIONS_WORLD_H
#define KFS_TESTS_OPTIONS_WORLD_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fs/options.h"

#define ARGS_MAX 12
#define ENV_MAX 6

static struct {
    const char *env[ENV_MAX][2]; /* name, value */
    const char *path;            /* of the one file there is; NULL for none */
    const char *text;            /* what it holds, or NULL */
    int read_error;              /* of the file, where text is NULL */
    uint32_t uid;
} world;

/* One buffer for all, as getenv's results may be spoilt by the next call. */
static inline char *fake_env(const char *name)
{
    static char value[256];

    for (size_t i = 0; i < ENV_MAX && world.env[i][0] != NULL; i++) {
        if (strcmp(world.env[i][0], name) == 0) {
            (void)snprintf(value, sizeof value, "%s", world.env[i][1]);
            return value;
        }
    }
    return NULL;
}

static inline int fake_read(const char *path, struct kfs_buf *text)
{
    if (world.path == NULL || strcmp(path, world.path) != 0)
        return -ENOENT;
    if (world.text == NULL)
        return world.read_error;
    return kfs_buf_append(text, world.text, strlen(world.text));
}

static inline int parse(struct kfs_options *out, char *message, size_t size, const char *const *args)
{
    struct kfs_options_world injected = {fake_env, fake_read, world.uid, 100};
    char *argv[ARGS_MAX + 1];
    char *text = NULL;
    size_t len = 0;
    int argc = 0;
    FILE *errors = open_memstream(&text, &len);

    assert_non_null(errors);
    for (; args[argc] != NULL; argc++) {
        assert_true(argc < ARGS_MAX);
        argv[argc] = strdup(args[argc]);
    }
    argv[argc] = NULL;
    int rc = kfs_options_parse(argc, argv, &injected, out, errors);
    (void)fclose(errors);
    (void)snprintf(message, size, "%s", text);
    assert_int_equal(rc != 0, len > 0);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    free(text);
    return rc;
}

static inline void accept_args(struct kfs_options *out, const char *const *args)
{
    char message[2048];

    memset(out, 0xa5, sizeof *out);
    if (parse(out, message, sizeof message, args) != 0)
        fail_msg("%s", message);
}

static inline void refuse_args(const char *reason, const char *const *args)
{
    struct kfs_options out = {.shards = 12345};
    char message[2048];
    int rc = parse(&out, message, sizeof message, args);

    if (rc != KFS_EXIT_USAGE || strstr(message, reason) == NULL)
        fail_msg("%d: '%s' does not say '%s'", rc, message, reason);
    assert_int_equal(out.shards, 12345);
    assert_null(out.source);
    assert_ptr_equal(strchr(message, '\n'), message + strlen(message) - 1);
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define ACCEPT(out, ...) accept_args(out, ARGS("kinesisfs", __VA_ARGS__))
#define REFUSE(reason, ...) refuse_args(reason, ARGS("kinesisfs", __VA_ARGS__))
#define ACCEPT_HELPER(out, ...) accept_args(out, ARGS("/sbin/mount.kinesisfs", __VA_ARGS__))
#define REFUSE_HELPER(reason, ...) refuse_args(reason, ARGS("/sbin/mount.kinesisfs", __VA_ARGS__))

static inline int setup(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    world.uid = 1000;
    world.env[0][0] = "HOME";
    world.env[0][1] = "/home/ruan";
    return 0;
}

static inline void set_env(size_t i, const char *name, const char *value)
{
    world.env[i][0] = name;
    world.env[i][1] = value;
}

#endif
