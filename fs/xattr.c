/* Extended attributes: what a stream or shard is, and the settings of a stream. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/fs_internal.h"

#define PREFIX "user.kinesis."
#define TAG_PREFIX PREFIX "tag."
#define VALUE_MAX 300
#define NAME_BYTES_MAX 255 /* of an attribute: the kernel's */

struct facts {
    struct kfs_stream_info stream;
    struct kfs_shard_info shard;
    struct kfs_extent extent;
    bool remote;
    uint64_t dead;
};

static const char *const status_names[] = {"CREATING", "ACTIVE", "UPDATING", "DELETING"};

static void print_arn(const struct facts *f, char value[VALUE_MAX])
{
    (void)snprintf(value, VALUE_MAX, "%s", f->stream.arn);
}

static void print_status(const struct facts *f, char value[VALUE_MAX])
{
    (void)snprintf(value, VALUE_MAX, "%s", status_names[f->stream.status]);
}

static void print_shard_count(const struct facts *f, char value[VALUE_MAX])
{
    (void)snprintf(value, VALUE_MAX, "%" PRIu32, f->stream.open_shards);
}

static void print_retention(const struct facts *f, char value[VALUE_MAX])
{
    (void)snprintf(value, VALUE_MAX, "%" PRIu32, f->stream.retention_hours);
}

static void print_max_record(const struct facts *f, char value[VALUE_MAX])
{
    (void)snprintf(value, VALUE_MAX, "%" PRIu32, f->stream.max_record_bytes / 1024);
}

static void print_start(const struct facts *f, char value[VALUE_MAX])
{
    (void)kfs_hash_print(f->shard.range.start, value);
}

static void print_end(const struct facts *f, char value[VALUE_MAX])
{
    (void)kfs_hash_print(f->shard.range.end, value);
}

static void print_shard_id(uint32_t shard, char value[VALUE_MAX])
{
    value[0] = '\0';
    if (shard != KFS_NO_SHARD)
        kfs_shard_name_print(shard, value);
}

static void print_parent(const struct facts *f, char value[VALUE_MAX])
{
    print_shard_id(f->shard.parent, value);
}

static void print_adjacent(const struct facts *f, char value[VALUE_MAX])
{
    print_shard_id(f->shard.adjacent_parent, value);
}

static void print_last(const struct facts *f, char value[VALUE_MAX])
{
    value[0] = '\0';
    if (!kfs_seq_is_none(&f->extent.last))
        (void)kfs_seq_print(&f->extent.last, value);
}

static void print_dead(const struct facts *f, char value[VALUE_MAX])
{
    value[0] = '\0';
    if (f->remote)
        (void)snprintf(value, VALUE_MAX, "%" PRIu64, f->dead);
}

static int parse_number(const char *text, uint32_t *number, struct kfs_error *err)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || value == 0 || value > UINT32_MAX)
        return kfs_fail(err, EINVAL, "the attribute takes a whole number, at least 1");
    *number = (uint32_t)value;
    return 0;
}

static int set_shard_count(const struct kfs_node *node, const char *text, struct kfs_error *err)
{
    uint32_t value = 0;
    int rc = parse_number(text, &value, err);

    return rc != 0 ? rc : kfs_stream_resize(node->topic->stream, value, err);
}

static int set_retention(const struct kfs_node *node, const char *text, struct kfs_error *err)
{
    uint32_t value = 0;

    if (parse_number(text, &value, err) != 0)
        return -EINVAL;
    return kfs_stream_update(node->topic->stream, &(struct kfs_stream_change){.retention_hours = value}, err);
}

static int set_max_record(const struct kfs_node *node, const char *text, struct kfs_error *err)
{
    uint32_t value = 0;

    if (parse_number(text, &value, err) != 0)
        return -EINVAL;
    if (value > KFS_RECORD_BYTES_MAX / 1024)
        return kfs_fail(err, EINVAL, "a record limit is 1024 to 10240 KiB, not %" PRIu32, value);
    return kfs_stream_update(node->topic->stream, &(struct kfs_stream_change){.max_record_bytes = value * 1024}, err);
}

static int set_dead(const struct kfs_node *node, const char *text, struct kfs_error *err)
{
    if (strcmp(text, "resend") == 0)
        return kfs_dead_end(node->topic->stream, node->shard, KFS_DEAD_RESEND, err);
    if (strcmp(text, "drop") == 0)
        return kfs_dead_end(node->topic->stream, node->shard, KFS_DEAD_DROP, err);
    return kfs_fail(err, EINVAL, "the attribute takes resend or drop");
}

static const struct {
    const char *name;                                                /* after the prefix */
    enum kfs_node_type where;                                        /* KFS_NODE_STREAM or KFS_NODE_SHARD */
    void (*print)(const struct facts *facts, char value[VALUE_MAX]); /* "" means that there is none */
    int (*set)(const struct kfs_node *node, const char *text, struct kfs_error *err); /* NULL: only read */
} rows[] = {
    {"arn", KFS_NODE_STREAM, print_arn, NULL},
    {"status", KFS_NODE_STREAM, print_status, NULL},
    {"shard_count", KFS_NODE_STREAM, print_shard_count, set_shard_count},
    {"retention_hours", KFS_NODE_STREAM, print_retention, set_retention},
    {"max_record_kib", KFS_NODE_STREAM, print_max_record, set_max_record},
    {"starting_hash_key", KFS_NODE_SHARD, print_start, NULL},
    {"ending_hash_key", KFS_NODE_SHARD, print_end, NULL},
    {"parent", KFS_NODE_SHARD, print_parent, NULL},
    {"adjacent_parent", KFS_NODE_SHARD, print_adjacent, NULL},
    {"last_sequence_number", KFS_NODE_SHARD, print_last, NULL},
    {"dead_letters", KFS_NODE_SHARD, print_dead, set_dead},
};

#define N_ROWS (sizeof rows / sizeof rows[0])

/* ---- tags ---- */

/* The key of a tag, NULL where the name is no tag's. */
static const char *tag_of(const struct kfs_node *node, const char *name)
{
    bool is_tag = node->type == KFS_NODE_STREAM && strncmp(name, TAG_PREFIX, strlen(TAG_PREFIX)) == 0;

    return is_tag ? name + strlen(TAG_PREFIX) : NULL;
}

struct tag_search {
    const char *key;
    char value[KFS_TAG_BYTES_MAX + 1];
    bool found;
};

static int look_at_tag(void *arg, const struct kfs_tag *tag)
{
    struct tag_search *search = arg;

    if (strcmp(tag->key, search->key) != 0)
        return 0;
    search->found = true;
    (void)snprintf(search->value, sizeof search->value, "%s", tag->value);
    return 1;
}

static int find_tag(const struct kfs_node *node, struct tag_search *search, struct kfs_error *err)
{
    int rc = kfs_tag_list(node->topic->stream, look_at_tag, search, err);

    return rc > 0 ? 0 : rc;
}

struct name_list {
    char *text;
    size_t len; /* 0: only the size is asked for */
    size_t size;
};

static int add_name(struct name_list *list, const char *prefix, const char *name)
{
    size_t need = strlen(prefix) + strlen(name) + 1;

    if (list->len > 0 && list->size + need > list->len)
        return -ERANGE;
    if (list->len > 0)
        (void)snprintf(list->text + list->size, need, "%s%s", prefix, name);
    list->size += need;
    return 0;
}

/* A key that makes too long a name is left out. -ERANGE goes as 1, which no backend says. */
static int list_tag(void *arg, const struct kfs_tag *tag)
{
    if (strlen(TAG_PREFIX) + strlen(tag->key) > NAME_BYTES_MAX)
        return 0;
    return add_name(arg, TAG_PREFIX, tag->key) == 0 ? 0 : 1;
}

/* value NULL: removes it, which must be there. */
static int set_tag(struct kfs_node *node, const char *key, const char *value, struct kfs_error *err)
{
    struct tag_search search = {.key = key};
    int rc = value == NULL ? find_tag(node, &search, err) : 0;

    if (rc == 0 && value == NULL && !search.found)
        return kfs_fail(err, ENODATA, "stream has no tag %s", key);
    return rc != 0 ? rc : kfs_tag_change(node->topic->stream, &(struct kfs_tag){key, value}, 1, err);
}

/* ---- attributes ---- */

/* The row of a name on a node, or N_ROWS. */
static size_t find_row(const struct kfs_node *node, const char *name)
{
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
        return N_ROWS;
    for (size_t i = 0; i < N_ROWS; i++) {
        if (rows[i].where == node->type && strcmp(rows[i].name, name + strlen(PREFIX)) == 0)
            return i;
    }
    return N_ROWS;
}

static ssize_t give(const char *text, char *value, size_t len)
{
    size_t size = strlen(text);

    if (len > 0 && len < size)
        return -ERANGE;
    if (len > 0)
        memcpy(value, text, size);
    return (ssize_t)size;
}

static int gather(const struct kfs_node *node, struct facts *facts, struct kfs_error *err)
{
    int rc = kfs_stream_info(node->topic->stream, &facts->stream, err);

    if (rc == 0 && node->type == KFS_NODE_SHARD) {
        rc = kfs_shard_info(node->topic->stream, node->shard, &facts->shard, err);
        if (rc == 0)
            rc = kfs_shard_extent(node->topic->stream, node->shard, &facts->extent, err);
        if (rc == 0)
            rc = kfs_dead_count(node->topic->stream, node->shard, &facts->dead, err);
        facts->remote = kfs_is_remote(node->topic->stream->backend);
    }
    return rc;
}

ssize_t kfs_fs_getxattr(struct kfs_fs *fs, struct kfs_node *node, const char *name, char *value, size_t len)
{
    struct kfs_error err = {0};
    struct facts facts = {0};
    char text[VALUE_MAX];
    size_t row = find_row(node, name);
    struct tag_search search = {.key = tag_of(node, name)};

    if (row == N_ROWS && search.key == NULL)
        return -ENODATA;
    int rc = search.key != NULL ? find_tag(node, &search, &err) : gather(node, &facts, &err);
    if (rc != 0)
        return kfs_node_report(fs, node, "getxattr", &err);
    if (search.key != NULL)
        return search.found ? give(search.value, value, len) : -ENODATA;
    rows[row].print(&facts, text);
    return text[0] == '\0' ? -ENODATA : give(text, value, len);
}

ssize_t kfs_fs_listxattr(struct kfs_fs *fs, struct kfs_node *node, char *list, size_t len)
{
    struct kfs_error err = {0};
    struct facts facts = {0};
    char text[VALUE_MAX];
    struct name_list names = {list, len, 0};

    if (node->type != KFS_NODE_STREAM && node->type != KFS_NODE_SHARD)
        return 0;
    int rc = gather(node, &facts, &err);
    if (rc != 0)
        return kfs_node_report(fs, node, "listxattr", &err);
    for (size_t i = 0; i < N_ROWS; i++) {
        if (rows[i].where != node->type)
            continue;
        rows[i].print(&facts, text);
        if (text[0] != '\0' && add_name(&names, PREFIX, rows[i].name) != 0)
            return -ERANGE;
    }
    if (node->type == KFS_NODE_STREAM)
        rc = kfs_tag_list(node->topic->stream, list_tag, &names, &err);
    /* Where an endpoint does not tell its tags, or may not, the rest is told without them. */
    if (rc == -EINTR || rc == -EINPROGRESS)
        return kfs_node_report(fs, node, "listxattr", &err);
    return rc > 0 ? -ERANGE : (ssize_t)names.size;
}

int kfs_fs_setxattr(struct kfs_fs *fs, struct kfs_node *node, const char *name, const char *value, size_t len)
{
    struct kfs_error err = {0};
    char text[KFS_TAG_BYTES_MAX + 1] = "";
    const char *tag = tag_of(node, name);
    size_t row = find_row(node, name);
    int rc;

    if (row == N_ROWS && strncmp(name, PREFIX, strlen(PREFIX)) != 0)
        return -EOPNOTSUPP;
    if (len > 0 && len < sizeof text)
        memcpy(text, value, len);
    if (tag != NULL)
        rc = strlen(text) == len ? set_tag(node, tag, text, &err)
                                 : kfs_fail(&err, EINVAL, "the value has a NUL, or is too long");
    else if (row == N_ROWS || rows[row].set == NULL)
        rc = kfs_fail(&err, EPERM, "the attribute %s cannot be set here", name);
    else
        rc = rows[row].set(node, text, &err);
    return rc == 0 ? 0 : kfs_node_report(fs, node, "setxattr", &err);
}

int kfs_fs_removexattr(struct kfs_fs *fs, struct kfs_node *node, const char *name)
{
    struct kfs_error err = {0};
    const char *tag = tag_of(node, name);
    int rc;

    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
        return -EOPNOTSUPP;
    rc = tag != NULL ? set_tag(node, tag, NULL, &err)
                     : kfs_fail(&err, EPERM, "the attribute %s cannot be removed", name);
    return rc == 0 || rc == -ENODATA ? rc : kfs_node_report(fs, node, "removexattr", &err);
}
