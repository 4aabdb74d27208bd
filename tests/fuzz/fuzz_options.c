/* The whole of options: three parts of the input, each after a byte 1, are the
 * arguments (NUL after each; the first is the program's name), the text of a
 * configuration file, and the environment (NAME=VALUE, NUL after each). */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/options.h"
#include "fs/options_table.h"
#include "tests/fuzz/fuzz.h"

#define ARGS_MAX 64

static struct {
    struct kfs_bytes file;
    const char *env; /* NAME=VALUE NUL ... */
    size_t env_len;
} world;

static char *fake_env(const char *name)
{
    size_t len = strlen(name);

    for (const char *at = world.env; at < world.env + world.env_len; at += strlen(at) + 1) {
        if (strncmp(at, name, len) == 0 && at[len] == '=')
            return (char *)(uintptr_t)(at + len + 1);
    }
    return NULL;
}

static int fake_read(const char *path, struct kfs_buf *text)
{
    if (world.file.len == 0 || path[0] != '/')
        return -ENOENT;
    return kfs_buf_append(text, world.file.data, world.file.len);
}

/* Cuts a NUL-terminated part off the front of what is left. */
static char *take_part(char **left, char *end)
{
    char *part = *left;
    char *mark = memchr(part, 1, (size_t)(end - part));

    if (mark == NULL)
        mark = end;
    *mark = '\0';
    *left = mark == end ? end : mark + 1;
    return part;
}

static void check(const struct kfs_options *out, const char *message, int rc)
{
    REQUIRE((rc == 0) == (message[0] == '\0'));
    if (rc != 0) {
        REQUIRE(rc == KFS_EXIT_USAGE);
        REQUIRE(message[strlen(message) - 1] == '\n');
        return;
    }
    if (out->action != KFS_OPTIONS_MOUNT && out->action != KFS_OPTIONS_CHECK)
        return;
    REQUIRE(out->source != NULL && out->mountpoint != NULL && out->mountpoint[0] != '\0');
    REQUIRE(out->source[0] != '\0' || out->source_type == KFS_SOURCE_KINESIS); /* the region is found elsewhere */
    REQUIRE(out->shards >= 1 && out->shards <= 10000 && out->threads >= 1 && out->threads <= 64);
    REQUIRE(out->segment_size >= 65536 && out->max_record_size % 1024 == 0 && out->umask <= 0777);
    REQUIRE(strlen(out->account) == 12);
    REQUIRE(out->region == NULL ? out->source_type != KFS_SOURCE_LOCAL : out->region[0] != '\0');
    REQUIRE(strlen(out->kernel) < KFS_KERNEL_OPTIONS_MAX - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kfs_options_world injected = {fake_env, fake_read, (uint32_t)size % 2 * 1000, 0};
    struct kfs_options out = {0};
    char *copy = malloc(size + 1);
    char *argv[ARGS_MAX + 1];
    char *message = NULL;
    size_t message_len = 0;
    FILE *errors = open_memstream(&message, &message_len);
    int argc = 0;

    REQUIRE(copy != NULL && errors != NULL);
    memcpy(copy, data, size);
    copy[size] = '\0';
    char *left = copy;
    char *args = take_part(&left, copy + size);
    char *args_end = left;
    char *file = take_part(&left, copy + size);
    world.file = (struct kfs_bytes){file, left > file ? (size_t)(left - file) - (left < copy + size ? 1 : 0) : 0};
    world.env = left;
    world.env_len = (size_t)(copy + size - left);
    for (char *at = args; at < args_end && argc < ARGS_MAX; at += strlen(at) + 1)
        argv[argc++] = at;
    argv[argc] = NULL;

    int rc = kfs_options_parse(argc, argv, &injected, &out, errors);
    (void)fclose(errors);
    check(&out, message, rc);
    kfs_options_release(&out);
    free(message);
    free(copy);
    return 0;
}
