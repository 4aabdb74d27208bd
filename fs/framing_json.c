/* `json`: a record is a JSON object on a line, with its metadata. The lines
 * that are read can be written back: what the service assigns is then ignored. */
#include "fs/framing.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/base64.h"
#include "backend/base/hashkey.h"
#include "backend/base/json_text.h"
#include "backend/base/seqnum.h"
#include "backend/base/units.h"
#include "backend/base/utf8.h"
#include "backend/base/value.h"
#include "fs/name.h"

/* Names, punctuation, blanks, a partition key and a hash key, whatever way they are spelt. */
#define OVERHEAD_MAX ((size_t)KFS_JSON_ESCAPE_MAX * (KFS_PARTITION_KEY_BYTES_MAX + 1024))

#define PIECE_SEQ "{\"SequenceNumber\":\""
#define PIECE_SUB ",\"SubSequenceNumber\":"
#define PIECE_KEY ",\"PartitionKey\":\""
#define PIECE_TIME "\",\"ApproximateArrivalTimestamp\":\""
#define PIECE_SHARD "\",\"ShardId\":\""
#define PIECE_TEXT "\",\"Data\":\""
#define PIECE_BASE64 "\",\"DataBase64\":\""
#define PIECE_END "\"}\n"

#define SUB_DIGITS_MAX 20
#define NUMBERS_MAX (KFS_SEQ_DIGITS_MAX + sizeof PIECE_SUB + SUB_DIGITS_MAX + 1)

/* Without the pieces that depend on the record. */
#define FIXED_SIZE                                                                                                     \
    (sizeof PIECE_SEQ - 1 + sizeof PIECE_KEY - 1 + sizeof PIECE_TIME - 1 + KFS_TIME_DIGITS + sizeof PIECE_SHARD - 1 +  \
     KFS_SHARD_NAME_LEN + sizeof PIECE_END - 1)

/* ---- rendering ---- */

static bool is_text(struct kfs_bytes bytes, const struct kfs_json_shape *shape)
{
    return shape->is_ascii || kfs_utf8_valid(bytes.data, bytes.len);
}

static char *put_piece(char *to, const void *piece, size_t len)
{
    memcpy(to, piece, len);
    return to + len;
}

static size_t total_size(size_t numbers_len, size_t key_size, bool text, size_t data_size)
{
    size_t name = text ? sizeof PIECE_TEXT - 1 : sizeof PIECE_BASE64 - 1;

    return FIXED_SIZE + numbers_len + key_size + name + data_size;
}

/* What stands between PIECE_SEQ and PIECE_KEY: the sequence number with its closing quote, and
 * where there is one the sub-sequence number. Returns its length. */
static size_t print_numbers(const struct kfs_record *record, char text[NUMBERS_MAX])
{
    size_t len = kfs_seq_print(&record->seq, text);

    text[len++] = '"';
    if (record->sub > 0)
        len += (size_t)snprintf(text + len, NUMBERS_MAX - len, PIECE_SUB "%" PRIu64, record->sub - 1);
    return len;
}

/* Texts that most records of a run have in common. */
struct common {
    uint64_t arrival_ms; /* that `time` is of */
    char time[KFS_TIME_DIGITS + 1];
    char shard_id[KFS_SHARD_NAME_LEN + 1];
};

static void print_time(struct common *common, uint64_t arrival_ms)
{
    common->arrival_ms = arrival_ms;
    if (kfs_time_print(arrival_ms, common->time) < 0)
        (void)kfs_time_print(KFS_TIME_MAX_MS, common->time);
}

static void common_init(struct common *common, const struct kfs_record *record, uint32_t shard)
{
    print_time(common, record->arrival_ms);
    kfs_shard_name_print(shard, common->shard_id);
}

static int render(const struct kfs_record *record, struct common *common, struct kfs_buf *out)
{
    char numbers[NUMBERS_MAX];
    size_t numbers_len = print_numbers(record, numbers);
    struct kfs_json_shape key = kfs_json_measure(record->key);
    struct kfs_json_shape data = kfs_json_measure(record->data);
    bool text = is_text(record->data, &data);
    size_t data_size = text ? data.size : kfs_base64_len(record->data.len);
    size_t total = total_size(numbers_len, key.size, text, data_size);
    int rc = kfs_buf_reserve(out, total);

    if (rc != 0)
        return rc;
    if (record->arrival_ms != common->arrival_ms)
        print_time(common, record->arrival_ms);

    char *to = out->data + out->len;
    to = put_piece(to, PIECE_SEQ, sizeof PIECE_SEQ - 1);
    to = put_piece(to, numbers, numbers_len);
    to = put_piece(to, PIECE_KEY, sizeof PIECE_KEY - 1);
    to = kfs_json_put(to, record->key, &key);
    to = put_piece(to, PIECE_TIME, sizeof PIECE_TIME - 1);
    to = put_piece(to, common->time, KFS_TIME_DIGITS);
    to = put_piece(to, PIECE_SHARD, sizeof PIECE_SHARD - 1);
    to = put_piece(to, common->shard_id, KFS_SHARD_NAME_LEN);
    if (text) {
        to = put_piece(to, PIECE_TEXT, sizeof PIECE_TEXT - 1);
        to = kfs_json_put(to, record->data, &data);
    } else {
        to = put_piece(to, PIECE_BASE64, sizeof PIECE_BASE64 - 1);
        kfs_base64_encode(record->data.data, record->data.len, to);
        to += data_size;
    }
    to = put_piece(to, PIECE_END, sizeof PIECE_END - 1);
    assert(to == out->data + out->len + total);
    out->len += total;
    return 0;
}

static int json_render(const struct kfs_record *record, uint32_t shard, struct kfs_buf *out)
{
    struct common common;

    common_init(&common, record, shard);
    return render(record, &common, out);
}

static size_t json_render_run(const struct kfs_record *records, size_t n, uint32_t shard, struct kfs_buf *out)
{
    struct kfs_buf fixed = {.data = out->data, .len = out->len, .cap = out->cap, .max = out->cap};
    struct common common;
    size_t i = 0;

    if (n > 0)
        common_init(&common, records, shard);
    while (i < n && render(&records[i], &common, &fixed) == 0)
        i++;
    out->len = fixed.len;
    return i;
}

/* Amazon's numbers have 56 digits, always; others are counted by printing them. */
static size_t seq_digits(const struct kfs_seq *seq)
{
    static const struct kfs_seq ten_to_55 = {
        {0x00, 0x68, 0x67, 0xa5, 0xa8, 0x67, 0xf1, 0x03, 0xb2, 0xff, 0xfa, 0x5a, 0x71, 0xfb, 0xa0, 0xe7, 0xb6, 0x80}};
    static const struct kfs_seq ten_to_56 = {
        {0x04, 0x14, 0x0c, 0x78, 0x94, 0x0f, 0x6a, 0x24, 0xfd, 0xff, 0xc7, 0x88, 0x73, 0xd4, 0x49, 0x0d, 0x21}};
    char text[KFS_SEQ_DIGITS_MAX + 1];

    if (kfs_seq_cmp(seq, &ten_to_55) >= 0 && kfs_seq_cmp(seq, &ten_to_56) < 0)
        return 56;
    return kfs_seq_print(seq, text);
}

static size_t numbers_size(const struct kfs_record *record)
{
    size_t size = seq_digits(&record->seq) + 1;

    if (record->sub == 0)
        return size;
    size += sizeof PIECE_SUB;
    for (uint64_t left = record->sub - 1; left >= 10; left /= 10)
        size++;
    return size;
}

static size_t json_rendered_size(const struct kfs_record *record)
{
    struct kfs_json_shape key = kfs_json_measure(record->key);
    struct kfs_json_shape data = kfs_json_measure(record->data);
    bool text = is_text(record->data, &data);
    size_t data_size = text ? data.size : kfs_base64_len(record->data.len);

    return total_size(numbers_size(record), key.size, text, data_size);
}

/* ---- decoding ---- */

enum member { DATA, DATA_BASE64, PARTITION_KEY, EXPLICIT_HASH_KEY, MEMBERS };

static const char *const member_names[MEMBERS] = {"Data", "DataBase64", "PartitionKey", "ExplicitHashKey"};
static const char *const ignored_names[] = {"SequenceNumber", "SubSequenceNumber", "ShardId",
                                            "ApproximateArrivalTimestamp", "StreamName"};

#define TREE_BYTES ((size_t)64 << 10) /* for the values of a line, but for their text */

#define MEMBERS_TEXT                                                                                                   \
    "Data or DataBase64, PartitionKey and ExplicitHashKey (SequenceNumber, SubSequenceNumber, ShardId, "               \
    "ApproximateArrivalTimestamp and StreamName are ignored)"

static bool is_named(const struct kfs_value *member, const char *name)
{
    return member->key.len == strlen(name) && memcmp(member->key.data, name, member->key.len) == 0;
}

static bool is_ignored(const struct kfs_value *member)
{
    for (size_t i = 0; i < sizeof ignored_names / sizeof ignored_names[0]; i++) {
        if (is_named(member, ignored_names[i]))
            return true;
    }
    return false;
}

/* The members that count, by enum member; NULL for those that are not there. */
static int sort_members(const struct kfs_value *object, const struct kfs_value *values[MEMBERS], struct kfs_error *err)
{
    if (object->type != KFS_VALUE_MAP)
        return kfs_fail(err, EINVAL, "json: a line is not a JSON object; it has " MEMBERS_TEXT);
    for (size_t at = 0; at < object->n; at++) {
        const struct kfs_value *item = &object->items[at];
        size_t i = 0;
        while (i < MEMBERS && !is_named(item, member_names[i]))
            i++;
        if (i == MEMBERS && is_ignored(item))
            continue;
        if (i == MEMBERS)
            return kfs_fail(err, EINVAL, "json: an unknown member; allowed are " MEMBERS_TEXT);
        if (values[i] != NULL)
            return kfs_fail(err, EINVAL, "json: %s is there twice", member_names[i]);
        if (item->type != KFS_VALUE_STRING)
            return kfs_fail(err, EINVAL, "json: %s is not a string", member_names[i]);
        values[i] = item;
    }
    if (values[DATA] == NULL && values[DATA_BASE64] == NULL)
        return kfs_fail(err, EINVAL, "json: neither Data nor DataBase64 is there");
    if (values[DATA] != NULL && values[DATA_BASE64] != NULL)
        return kfs_fail(err, EINVAL, "json: both Data and DataBase64 are there; give one");
    return 0;
}

/* Writes the values at `to`, which has room for the payload they came from:
 * data, key, and a hash key, whose text with its name and quotes is longer
 * than the number and the gap before it. *end is behind the last. */
static int fill_put(const struct kfs_value *values[MEMBERS], char *to, struct kfs_put *put, char **end,
                    struct kfs_error *err)
{
    struct kfs_put made = {0};

    if (values[DATA] != NULL) {
        const struct kfs_bytes text = values[DATA]->bytes;
        made.data = (struct kfs_bytes){to, text.len};
        to = put_piece(to, text.data, text.len);
    } else {
        assert(values[DATA_BASE64] != NULL); /* sort_members saw to it */
        const struct kfs_bytes text = values[DATA_BASE64]->bytes;
        ssize_t len = kfs_base64_decode(text.data, text.len, to);
        if (len < 0)
            return kfs_fail(err, EINVAL, "json: DataBase64 is not base64 (RFC 4648, with padding)");
        made.data = (struct kfs_bytes){to, (size_t)len};
        to += len;
    }
    if (values[PARTITION_KEY] != NULL) {
        const struct kfs_bytes key = values[PARTITION_KEY]->bytes;
        if (key.len == 0)
            return kfs_fail(err, EINVAL, "json: PartitionKey is empty; leave it out to have it chosen");
        if (kfs_utf8_count(key.data, key.len) > KFS_PARTITION_KEY_CHARS_MAX)
            return kfs_fail(err, EINVAL, "json: PartitionKey has more than %d characters", KFS_PARTITION_KEY_CHARS_MAX);
        made.key = (struct kfs_bytes){to, key.len};
        to = put_piece(to, key.data, key.len);
    }
    if (values[EXPLICIT_HASH_KEY] != NULL) {
        const struct kfs_bytes digits = values[EXPLICIT_HASH_KEY]->bytes;
        kfs_hash hash;
        if (kfs_hash_parse(digits.data, digits.len, &hash) != 0)
            return kfs_fail(err, EINVAL, "json: ExplicitHashKey is not a decimal number from 0 to 2^128-1");
        to += (alignof(kfs_hash) - (uintptr_t)to % alignof(kfs_hash)) % alignof(kfs_hash);
        made.explicit_hash = (const kfs_hash *)(void *)to;
        to = put_piece(to, &hash, sizeof hash);
    }
    *put = made;
    *end = to;
    return 0;
}

static int fail_text(struct kfs_bytes payload, struct kfs_error *err)
{
    if (payload.len == 0)
        return kfs_fail(err, EINVAL, "json: an empty line; each line is one JSON object");
    if (!kfs_utf8_valid(payload.data, payload.len))
        return kfs_fail(err, EINVAL, "json: not UTF-8; write the data as DataBase64");
    return kfs_fail(err, EINVAL, "json: a line is not JSON");
}

static int json_decode(struct kfs_bytes payload, struct kfs_put *put, struct kfs_buf *scratch, struct kfs_error *err)
{
    const struct kfs_value *values[MEMBERS] = {NULL};
    struct kfs_value object;
    char *end = NULL;
    int rc = kfs_buf_reserve(scratch, payload.len + 1);

    if (rc != 0)
        return kfs_fail(err, -rc, "json: no room for a line of %zu bytes", payload.len);
    /* What has escapes is copied, so all that comes to no more than the line. */
    struct kfs_arena *arena = kfs_arena_new(payload.len + TREE_BYTES);
    if (arena == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    if (kfs_json_decode(arena, payload, &object) != 0)
        rc = fail_text(payload, err);
    if (rc == 0)
        rc = sort_members(&object, values, err);
    if (rc == 0)
        rc = fill_put(values, scratch->data + scratch->len, put, &end, err);
    if (rc == 0) {
        assert(end <= scratch->data + scratch->len + payload.len + 1);
        scratch->len = (size_t)(end - scratch->data);
    }
    kfs_arena_free(arena);
    return rc;
}

static size_t json_framed_max(size_t record_max)
{
    return KFS_JSON_ESCAPE_MAX * record_max + OVERHEAD_MAX;
}

const struct kfs_framing kfs_framing_json = {
    .name = "json",
    .stored = false,
    .takes_apart = true,
    .frame = KFS_FRAME_VARIES,
    .record_max = KFS_RECORD_BYTES_MAX,
    .partial_is_record = true,
    .framed_max = json_framed_max,
    .cut = kfs_framing_cut_line,
    .decode = json_decode,
    .render = json_render,
    .render_run = json_render_run,
    .render_stored = NULL,
    .rendered_size = json_rendered_size,
};
