#include "backend/kinesis/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/base64.h"

#define SHARD_ID_PREFIX "shardId-"
#define MS 1000.0
#define TIME_MAX_MS 4e15 /* below 2^52, and in the year 128,000 */

bool remote_answer_text(const struct kfs_value *map, const char *name, char *text, size_t size)
{
    const struct kfs_value *v = kfs_value_get(map, name);

    if (v == NULL || v->type != KFS_VALUE_STRING || v->bytes.len >= size ||
        memchr(v->bytes.data, '\0', v->bytes.len) != NULL)
        return false;
    memcpy(text, v->bytes.data, v->bytes.len);
    text[v->bytes.len] = '\0';
    return true;
}

bool remote_answer_number(const struct kfs_value *map, const char *name, uint64_t *number)
{
    const struct kfs_value *v = kfs_value_get(map, name);

    if (v == NULL || v->type != KFS_VALUE_NUMBER || !v->whole || v->integer < 0)
        return false;
    *number = (uint64_t)v->integer;
    return true;
}

bool remote_answer_time(const struct kfs_value *map, const char *name, uint64_t *ms)
{
    const struct kfs_value *v = kfs_value_get(map, name);

    if (v == NULL || v->type != KFS_VALUE_NUMBER)
        return false;
    double at = (v->whole ? (double)v->integer : v->number) * MS;
    if (!(at >= 0 && at < TIME_MAX_MS))
        return false;
    *ms = (uint64_t)(at + 0.5);
    return true;
}

/* shardId-<digits>. */
static bool parse_shard_id(struct kfs_bytes id, uint32_t *index)
{
    const size_t prefix = sizeof SHARD_ID_PREFIX - 1;
    const char *text = id.data;
    uint64_t value = 0;

    if (id.len <= prefix || id.len > prefix + 12 || memcmp(text, SHARD_ID_PREFIX, prefix) != 0)
        return false;
    for (size_t i = prefix; i < id.len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    if (value > KFS_SHARD_INDEX_MAX)
        return false;
    *index = (uint32_t)value;
    return true;
}

static bool get_shard_id(const struct kfs_value *map, const char *name, uint32_t *index)
{
    const struct kfs_value *v = kfs_value_get(map, name);

    return v != NULL && v->type == KFS_VALUE_STRING && parse_shard_id(v->bytes, index);
}

static bool get_seq(const struct kfs_value *map, const char *name, struct kfs_seq *seq)
{
    const struct kfs_value *v = kfs_value_get(map, name);

    return v != NULL && v->type == KFS_VALUE_STRING && kfs_seq_parse(v->bytes.data, v->bytes.len, seq) == 0 &&
           !kfs_seq_is_none(seq);
}

static const struct kfs_value *get_list(const struct kfs_value *map, const char *name)
{
    const struct kfs_value *v = map != NULL && map->type == KFS_VALUE_MAP ? kfs_value_get(map, name) : NULL;

    return v != NULL && v->type == KFS_VALUE_LIST ? v : NULL;
}

/* ---- PutRecords ---- */

int remote_answer_put(const struct kfs_value *answer, struct remote_entry *entries, size_t n)
{
    const struct kfs_value *list = get_list(answer, "Records");

    if (list == NULL || list->n != n)
        return -EINVAL;
    for (size_t i = 0; i < n; i++) {
        const struct kfs_value *item = &list->items[i];
        struct remote_entry *entry = &entries[i];
        entry->code[0] = entry->text[0] = '\0';
        entry->seq = (struct kfs_seq){0};
        if (item->type != KFS_VALUE_MAP)
            return -EINVAL;
        if (remote_answer_text(item, "ErrorCode", entry->code, sizeof entry->code) && entry->code[0] != '\0') {
            if (!remote_answer_text(item, "ErrorMessage", entry->text, sizeof entry->text))
                entry->text[0] = '\0';
            continue;
        }
        entry->code[0] = '\0';
        if (!get_seq(item, "SequenceNumber", &entry->seq) || !get_shard_id(item, "ShardId", &entry->shard))
            return -EINVAL;
    }
    return 0;
}

/* ---- GetRecords ---- */

/* Decodes one record; its data's offset in `data` stands in for the pointer until all are there. */
static int get_record(const struct kfs_value *item, struct kfs_buf *data, struct kfs_record *record)
{
    const struct kfs_value *blob;
    const struct kfs_value *key;

    if (item->type != KFS_VALUE_MAP || !get_seq(item, "SequenceNumber", &record->seq))
        return -EINVAL;
    blob = kfs_value_get(item, "Data");
    key = kfs_value_get(item, "PartitionKey");
    if (blob == NULL || blob->type != KFS_VALUE_STRING || key == NULL || key->type != KFS_VALUE_STRING ||
        key->bytes.len > KFS_PARTITION_KEY_BYTES_MAX)
        return -EINVAL;
    if (!remote_answer_time(item, "ApproximateArrivalTimestamp", &record->arrival_ms))
        record->arrival_ms = 0;
    int rc = kfs_buf_reserve(data, blob->bytes.len / 4 * 3 + 1);
    if (rc != 0)
        return rc;
    ssize_t n = kfs_base64_decode(blob->bytes.data, blob->bytes.len, data->data + data->len);
    if (n < 0 || n > (ssize_t)KFS_RECORD_BYTES_MAX)
        return -EINVAL;
    record->offset = data->len;
    record->data.len = (size_t)n;
    record->key = key->bytes;
    data->len += (size_t)n;
    return 0;
}

int remote_answer_get(const struct kfs_value *answer, const struct kfs_seq *after, struct kfs_buf *data,
                      struct remote_got *got)
{
    const struct kfs_value *list = get_list(answer, "Records");
    const struct kfs_value *next;
    struct kfs_seq last = *after;
    int rc = 0;

    if (list == NULL)
        return -EINVAL;
    *got = (struct remote_got){.listed = list->n};
    data->len = 0;
    got->records = calloc(list->n + 1, sizeof *got->records);
    if (got->records == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < list->n && rc == 0; i++) {
        struct kfs_record *record = &got->records[got->n];
        size_t before = data->len;
        rc = get_record(&list->items[i], data, record);
        if (rc == 0 && kfs_seq_cmp(&record->seq, &last) > 0) {
            last = record->seq;
            got->n++;
        } else {
            data->len = before;
        }
    }
    if (rc != 0) {
        free(got->records);
        return rc;
    }
    for (size_t i = 0; i < got->n; i++)
        got->records[i].data.data = data->data + got->records[i].offset;
    next = kfs_value_get(answer, "NextShardIterator");
    if (next != NULL && next->type == KFS_VALUE_STRING)
        got->next_iterator = next->bytes;
    if (!get_seq(answer, "ContinuationSequenceNumber", &got->continuation))
        got->continuation = (struct kfs_seq){{0}};
    const struct kfs_value *children = get_list(answer, "ChildShards");
    got->children = children != NULL && children->n > 0;
    (void)remote_answer_number(answer, "MillisBehindLatest", &got->behind_ms);
    return 0;
}

/* ---- ListShards ---- */

static bool get_hash(const struct kfs_value *map, const char *name, kfs_hash *hash)
{
    const struct kfs_value *v = kfs_value_get(map, name);

    return v != NULL && v->type == KFS_VALUE_STRING && kfs_hash_parse(v->bytes.data, v->bytes.len, hash) == 0;
}

int remote_answer_shard(const struct kfs_value *map, struct kfs_shard_info *info)
{
    struct kfs_shard_info s = {.parent = KFS_NO_SHARD, .adjacent_parent = KFS_NO_SHARD};
    const struct kfs_value *range;
    const struct kfs_value *numbers;
    struct kfs_seq_parts parts;

    if (map->type != KFS_VALUE_MAP || !get_shard_id(map, "ShardId", &s.index))
        return -EINVAL;
    range = kfs_value_get(map, "HashKeyRange");
    numbers = kfs_value_get(map, "SequenceNumberRange");
    if (range == NULL || range->type != KFS_VALUE_MAP || numbers == NULL || numbers->type != KFS_VALUE_MAP)
        return -EINVAL;
    if (!get_hash(range, "StartingHashKey", &s.range.start) || !get_hash(range, "EndingHashKey", &s.range.end) ||
        s.range.start > s.range.end)
        return -EINVAL;
    if (!get_seq(numbers, "StartingSequenceNumber", &s.starting))
        return -EINVAL;
    s.closed = get_seq(numbers, "EndingSequenceNumber", &s.ending);
    if (get_shard_id(map, "ParentShardId", &s.parent))
        (void)get_shard_id(map, "AdjacentParentShardId", &s.adjacent_parent);
    if (kfs_seq_split(&s.starting, &parts))
        s.created_ms = parts.created_s * 1000;
    if (s.closed && kfs_seq_split(&s.ending, &parts))
        s.closed_ms = parts.time_s * 1000;
    *info = s;
    return 0;
}
