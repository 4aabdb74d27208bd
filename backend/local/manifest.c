/* JSON in the store. The file `stream`: a stream's settings and shards, as JSON (docs/FORMAT.md section 6). */
#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/local/local_internal.h"

#define MANIFEST_BYTES_MAX (64U << 20)

void local_shard_dir(uint32_t index, char name[KFS_SHARD_DIR_MAX])
{
    (void)snprintf(name, KFS_SHARD_DIR_MAX, KFS_SHARD_ID_FORMAT, index);
}

void local_manifest_release(struct local_manifest *m)
{
    kfs_topology_release(&m->topology);
}

/* ---- reading ---- */

/* A whole number in [0, max] that a double holds exactly. */
static bool get_number(const cJSON *object, const char *name, uint64_t max, uint64_t *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > (double)max)
        return false;
    *value = (uint64_t)item->valuedouble;
    return (double)*value == item->valuedouble;
}

static bool get_u32(const cJSON *object, const char *name, uint32_t max, uint32_t *value)
{
    uint64_t wide;

    if (!get_number(object, name, max, &wide))
        return false;
    *value = (uint32_t)wide;
    return true;
}

static bool get_hash(const cJSON *object, const char *name, kfs_hash *hash)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

    return text != NULL && kfs_hash_parse(text, strlen(text), hash) == 0;
}

static bool get_seq(const cJSON *object, const char *name, struct kfs_seq *seq)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

    return text != NULL && kfs_seq_parse(text, strlen(text), seq) == 0;
}

/* A parent, where there is one. It stands before its children: whoever follows them up comes to an end. */
static bool get_parent(const cJSON *item, const char *name, uint32_t child, uint32_t *parent)
{
    *parent = KFS_NO_SHARD;
    if (!cJSON_HasObjectItem(item, name))
        return true;
    return get_u32(item, name, KFS_SHARD_INDEX_MAX, parent) && *parent < child;
}

static bool parse_shard(const cJSON *item, struct kfs_shard_info *shard)
{
    const uint64_t ms_max = UINT64_C(1) << 52;

    *shard = (struct kfs_shard_info){.index = 0};
    if (!get_u32(item, "index", KFS_SHARD_INDEX_MAX, &shard->index) || !get_hash(item, "start", &shard->range.start) ||
        !get_hash(item, "end", &shard->range.end) || !get_seq(item, "starting", &shard->starting) ||
        !get_number(item, "created_ms", ms_max, &shard->created_ms) || shard->range.start > shard->range.end)
        return false;
    if (!get_parent(item, "parent", shard->index, &shard->parent) ||
        !get_parent(item, "adjacent", shard->index, &shard->adjacent_parent))
        return false;
    if (shard->parent == KFS_NO_SHARD && shard->adjacent_parent != KFS_NO_SHARD)
        return false;
    shard->closed = cJSON_HasObjectItem(item, "ending");
    if (!shard->closed)
        return true;
    return get_seq(item, "ending", &shard->ending) && !kfs_seq_is_none(&shard->ending) &&
           get_number(item, "closed_ms", ms_max, &shard->closed_ms) && shard->closed_ms > 0;
}

static int parse_shards(const cJSON *root, struct kfs_topology *topology)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "shards");
    int n = cJSON_GetArraySize(list);
    uint32_t next_index;
    int rc = -EIO;

    if (!cJSON_IsArray(list) || !get_u32(root, "next_shard", KFS_SHARD_INDEX_MAX, &next_index))
        return -EIO;
    struct kfs_shard_info *shards = calloc((size_t)n + 1, sizeof *shards);
    if (shards == NULL)
        return -ENOMEM;
    size_t i = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        if (!parse_shard(item, &shards[i]) || shards[i].index >= next_index ||
            (i > 0 && shards[i].index <= shards[i - 1].index))
            goto out;
        i++;
    }
    if (kfs_topology_open_count(shards, i) > 0)
        rc = kfs_topology_init(topology, shards, i, next_index);
out:
    free(shards);
    return rc;
}

int local_manifest_parse(const char *text, size_t len, struct local_manifest *m, struct kfs_error *err)
{
    cJSON *root = cJSON_ParseWithLength(text, len);
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "name"));
    uint64_t format = 0;
    int rc = -EIO;

    memset(m, 0, sizeof *m);
    if (get_number(root, "format", 1000000, &format) && format != LOCAL_FORMAT) {
        rc = kfs_fail(err, EIO, "the file stream has format %" PRIu64 ", this version reads %d", format, LOCAL_FORMAT);
        goto out;
    }
    if (name != NULL && kfs_stream_name_valid(name) && format == LOCAL_FORMAT &&
        get_number(root, "generation", UINT64_C(1) << 52, &m->generation) &&
        get_number(root, "created_ms", UINT64_C(1) << 52, &m->created_ms) &&
        get_u32(root, "retention_hours", KFS_RETENTION_HOURS_MAX, &m->settings.retention_hours) &&
        get_u32(root, "max_record_bytes", KFS_RECORD_BYTES_MAX, &m->settings.max_record_bytes))
        rc = parse_shards(root, &m->topology);
    if (rc == 0)
        (void)snprintf(m->name, sizeof m->name, "%s", name);
    else
        (void)kfs_fail(err, -rc, "the file stream is damaged; run fsck.kinesisfs on the store");
out:
    cJSON_Delete(root);
    return rc;
}

int local_manifest_load(const struct kfs_io *io, int dir, struct local_manifest *m, struct kfs_error *err)
{
    struct kfs_buf text;

    memset(m, 0, sizeof *m);
    kfs_buf_init(&text, MANIFEST_BYTES_MAX);
    int rc = kfs_io_read_file(io, dir, "stream", &text);
    if (rc != 0)
        (void)kfs_fail(err, EIO, "cannot read the file stream: %s", strerror(-rc));
    else
        rc = local_manifest_parse(text.data, text.len, m, err);
    kfs_buf_release(&text);
    return rc;
}

uint64_t local_format_of(const char *text, size_t len)
{
    cJSON *root = cJSON_ParseWithLength(text, len);
    uint64_t format = 0;

    (void)get_number(root, "format", 1000000, &format);
    cJSON_Delete(root);
    return format;
}

/* ---- the file `store` ---- */

int local_identity_parse(const char *text, size_t len, struct local_store *store, struct kfs_error *err)
{
    cJSON *root = cJSON_ParseWithLength(text, len);
    const cJSON *format = cJSON_GetObjectItemCaseSensitive(root, "format");
    const cJSON *epoch = cJSON_GetObjectItemCaseSensitive(root, "epoch");
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "id"));
    int rc = 0;

    if (cJSON_IsNumber(format) && format->valuedouble != LOCAL_FORMAT)
        rc = kfs_fail(err, EIO, "the store has format %.0f, this version reads %d", format->valuedouble, LOCAL_FORMAT);
    else if (!cJSON_IsNumber(format) || !cJSON_IsNumber(epoch) || id == NULL || strlen(id) >= sizeof store->id ||
             strspn(id, "0123456789abcdef") != strlen(id) || epoch->valuedouble < 0 ||
             epoch->valuedouble > (double)LOCAL_EPOCH_MAX)
        rc = kfs_fail(err, EIO, "the file store is damaged; run fsck.kinesisfs on the store");
    if (rc == 0) {
        store->epoch = (uint64_t)epoch->valuedouble;
        (void)snprintf(store->id, sizeof store->id, "%s", id);
    }
    cJSON_Delete(root);
    return rc;
}

/* ---- writing ---- */

static int print_shard(const struct kfs_shard_info *shard, struct kfs_buf *out)
{
    char start[KFS_HASH_DIGITS_MAX + 1];
    char end[KFS_HASH_DIGITS_MAX + 1];
    char seq[KFS_SEQ_DIGITS_MAX + 1];

    (void)kfs_hash_print(shard->range.start, start);
    (void)kfs_hash_print(shard->range.end, end);
    (void)kfs_seq_print(&shard->starting, seq);
    int rc =
        kfs_buf_printf(out, "{\"index\":%u,\"start\":\"%s\",\"end\":\"%s\",\"starting\":\"%s\",\"created_ms\":%" PRIu64,
                       shard->index, start, end, seq, shard->created_ms);
    if (rc == 0 && shard->parent != KFS_NO_SHARD)
        rc = kfs_buf_printf(out, ",\"parent\":%u", shard->parent);
    if (rc == 0 && shard->adjacent_parent != KFS_NO_SHARD)
        rc = kfs_buf_printf(out, ",\"adjacent\":%u", shard->adjacent_parent);
    if (rc == 0 && shard->closed) {
        (void)kfs_seq_print(&shard->ending, seq);
        rc = kfs_buf_printf(out, ",\"ending\":\"%s\",\"closed_ms\":%" PRIu64, seq, shard->closed_ms);
    }
    return rc == 0 ? kfs_buf_printf(out, "}") : rc;
}

int local_manifest_print(const struct local_manifest *m, struct kfs_buf *out)
{
    int rc = kfs_buf_printf(out,
                            "{\"format\":%d,\"name\":\"%s\",\"generation\":%" PRIu64 ",\"created_ms\":%" PRIu64
                            ",\n\"retention_hours\":%u,\"max_record_bytes\":%u,\"next_shard\":%u,\n\"shards\":[",
                            LOCAL_FORMAT, m->name, m->generation, m->created_ms, m->settings.retention_hours,
                            m->settings.max_record_bytes, m->topology.next_index);

    for (size_t i = 0; rc == 0 && i < m->topology.n; i++) {
        rc = kfs_buf_printf(out, i == 0 ? "\n" : ",\n");
        if (rc == 0)
            rc = print_shard(&m->topology.shards[i], out);
    }
    return rc == 0 ? kfs_buf_printf(out, "]}\n") : rc;
}

int local_manifest_save(const struct kfs_io *io, int dir, const struct local_manifest *m, struct kfs_error *err)
{
    struct kfs_buf text;

    kfs_buf_init(&text, MANIFEST_BYTES_MAX);
    int rc = local_manifest_print(m, &text);
    if (rc == 0)
        rc = kfs_io_replace(io, dir, "stream", text.data, text.len);
    kfs_buf_release(&text);
    if (rc != 0)
        return kfs_fail(err, -rc, "cannot write the settings of stream %s: %s", m->name, strerror(-rc));
    return 0;
}
