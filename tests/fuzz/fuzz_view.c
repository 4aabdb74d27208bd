/* Names of directories and shard files, and the views in them. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fs/name.h"
#include "fs/view.h"
#include "tests/fuzz/fuzz.h"

static int keep(struct kfs_view *view, struct kfs_bytes value, struct kfs_error *err)
{
    (void)err;
    REQUIRE(value.len <= KFS_VIEW_BYTES_MAX);
    view->follow = value.len > 0 && ((const char *)value.data)[value.len - 1] != '\0';
    return 0;
}

static const struct kfs_view_row value_rows[] = {
    {"key", true, KFS_VIEW_ALONE, keep},
    {"from", true, KFS_VIEW_FRAMING, keep},
    {"raw", false, KFS_VIEW_FRAMING, keep},
};
static const struct kfs_view_table value_table = {value_rows, 3};

static void check_error(int rc, const struct kfs_error *err)
{
    REQUIRE(err->code == -rc && err->text[0] != '\0');
    for (const char *c = err->text; *c != '\0'; c++)
        REQUIRE(*c >= ' ' && *c <= '~');
}

static void check_dir(const char *name)
{
    struct kfs_dir_name dir;
    struct kfs_new_name made;
    struct kfs_error err;
    int rc = kfs_name_lookup(name, &dir, &err);

    if (rc == 0) {
        REQUIRE(kfs_stream_name_valid(dir.stream) && strcmp(dir.stream, KFS_STATUS_DIR) != 0);
        REQUIRE(strncmp(name, dir.stream, strlen(dir.stream)) == 0 && dir.view.framing != NULL);
    } else {
        REQUIRE(rc == -ENOENT || rc == -EPERM);
        check_error(rc, &err);
    }
    rc = kfs_name_mkdir(name, &made, &err);
    if (rc == 0) {
        REQUIRE(kfs_stream_name_valid(made.stream) && made.shards <= KFS_SHARDS_MAX);
    } else {
        REQUIRE(rc == -EINVAL || rc == -EPERM);
        check_error(rc, &err);
    }
}

static void check_shard(const char *name)
{
    char text[KFS_SHARD_NAME_LEN + 1];
    uint32_t shard;

    if (kfs_shard_name_parse(name, &shard) != 0)
        return;
    REQUIRE(shard == KFS_NO_SHARD || shard <= KFS_SHARD_INDEX_MAX);
    kfs_shard_name_print(shard, text);
    REQUIRE(strcmp(text, name) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct kfs_view_table *const tables[] = {&kfs_view_table, &value_table};
    char *name = malloc(size + 1);

    REQUIRE(name != NULL);
    memcpy(name, data, size);
    name[size] = '\0';
    check_dir(name);
    check_shard(name);
    free(name);
    for (size_t i = 0; i < 2; i++) {
        struct kfs_view view = {.framing = NULL};
        struct kfs_error err;
        int rc = kfs_view_parse(tables[i], (struct kfs_bytes){data, size}, &view, &err);
        REQUIRE(rc == 0 || rc == -ENOENT);
        REQUIRE((rc == 0) == (view.framing != NULL));
        if (rc != 0)
            check_error(rc, &err);
    }
    return 0;
}
