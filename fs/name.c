#include "fs/name.h"

#include <errno.h>
#include <string.h>

#define SHARD_PREFIX "shardId-"
#define SHARD_PREFIX_LEN (sizeof SHARD_PREFIX - 1)
#define SHARDS_WORD "shards="

/* Takes the stream's part of a name; *rest is behind the `@`, or NULL.
 * `bad` is the errno for a name that no stream can have. */
static int take_stream(const char *name, int bad, char stream[KFS_STREAM_NAME_MAX + 1], const char **rest,
                       struct kfs_error *err)
{
    size_t len = strcspn(name, "@");

    if (strnlen(name, KFS_NAME_MAX + 1) > KFS_NAME_MAX)
        return kfs_fail(err, bad, "a name has at most %d bytes", KFS_NAME_MAX);
    if (len <= KFS_STREAM_NAME_MAX) {
        memcpy(stream, name, len);
        stream[len] = '\0';
    }
    if (len > KFS_STREAM_NAME_MAX || !kfs_stream_name_valid(stream))
        return kfs_fail(err, bad, "a stream's name has 1 to %d of the characters a-z A-Z 0-9 _ . -",
                        KFS_STREAM_NAME_MAX);
    if (strcmp(stream, ".") == 0 || strcmp(stream, "..") == 0 || strcmp(stream, KFS_STATUS_DIR) == 0)
        return kfs_fail(err, EPERM, "'%s' is reserved; no stream is called so here", stream);
    *rest = name[len] == '@' ? name + len + 1 : NULL;
    return 0;
}

int kfs_name_lookup(const char *name, struct kfs_dir_name *out, struct kfs_error *err)
{
    struct kfs_dir_name made = {.view = kfs_view_default};
    const char *views = NULL;
    int rc = take_stream(name, ENOENT, made.stream, &views, err);

    if (rc != 0)
        return rc;
    made.has_view = views != NULL;
    if (made.has_view) {
        rc = kfs_view_parse(&kfs_view_table, (struct kfs_bytes){views, strlen(views)}, &made.view, err);
        if (rc != 0)
            return rc;
    }
    *out = made;
    return 0;
}

/* Digits, no sign, at most `max`; false for anything else. */
static bool parse_number(const char *text, uint64_t max, uint32_t *number)
{
    uint64_t sum = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        sum = sum * 10 + (uint64_t)(*text - '0');
        if (sum > max)
            return false;
    }
    *number = (uint32_t)sum;
    return true;
}

int kfs_name_mkdir(const char *name, struct kfs_new_name *out, struct kfs_error *err)
{
    struct kfs_new_name made = {.shards = 0};
    const char *setting = NULL;
    int rc = take_stream(name, EINVAL, made.stream, &setting, err);

    if (rc != 0)
        return rc;
    if (setting != NULL && strncmp(setting, SHARDS_WORD, sizeof SHARDS_WORD - 1) != 0)
        return kfs_fail(err, EINVAL, "a new stream is STREAM or STREAM@shards=N; views need no mkdir");
    if (setting != NULL &&
        (!parse_number(setting + sizeof SHARDS_WORD - 1, KFS_SHARDS_MAX, &made.shards) || made.shards == 0))
        return kfs_fail(err, EINVAL, "shards=N: N is a number from 1 to %d", KFS_SHARDS_MAX);
    *out = made;
    return 0;
}

int kfs_shard_name_parse(const char *name, uint32_t *shard)
{
    if (strcmp(name, KFS_ALL_NAME) == 0) {
        *shard = KFS_NO_SHARD;
        return 0;
    }
    if (strnlen(name, KFS_SHARD_NAME_LEN + 1) != KFS_SHARD_NAME_LEN ||
        memcmp(name, SHARD_PREFIX, SHARD_PREFIX_LEN) != 0 ||
        !parse_number(name + SHARD_PREFIX_LEN, KFS_SHARD_INDEX_MAX, shard))
        return -ENOENT;
    return 0;
}

void kfs_shard_name_print(uint32_t shard, char name[KFS_SHARD_NAME_LEN + 1])
{
    if (shard == KFS_NO_SHARD) {
        memcpy(name, KFS_ALL_NAME, sizeof KFS_ALL_NAME);
        return;
    }
    memcpy(name, SHARD_PREFIX, SHARD_PREFIX_LEN);
    for (size_t i = KFS_SHARD_NAME_LEN; i-- > SHARD_PREFIX_LEN; shard /= 10)
        name[i] = (char)('0' + shard % 10);
    name[KFS_SHARD_NAME_LEN] = '\0';
}
