#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/crc32c.h"
#include "backend/codec/kpl.h"
#include "backend/codec/kpl_internal.h"

/* Slots that a look-up tries. A key that finds none of them free is looked for in vain
 * later and stands in the table again, which the format allows: so no choice of keys
 * makes adding slow. */
#define PROBES_MAX 16
#define SLOTS_MIN 64

struct entry {
    uint32_t at; /* of the text in the table's bytes */
    uint32_t len;
    uint32_t crc;
    bool in_range; /* of a partition key: its hash is in the writer's range */
};

/* A repeated field of strings, each once where it can be. */
struct table {
    unsigned field;
    struct kfs_buf bytes; /* as they are in the message */
    struct entry *entries;
    size_t n;
    size_t cap;
    uint32_t *slots; /* index of an entry and 1; 0 is free */
    size_t n_slots;  /* a power of two, above n; or 0 */
};

struct kfs_kpl_writer {
    size_t limit;
    struct kfs_hash_range range;
    struct table keys;
    struct table hashes;
    struct kfs_buf records; /* as they are in the message */
    size_t count;
};

/* A place in a table, found or to be made. */
struct place {
    struct kfs_bytes text;
    uint32_t crc;
    size_t index; /* the table's n: it is new */
    bool in_range;
};

/* ---- protobuf ---- */

static size_t varint_size(uint64_t value)
{
    size_t n = 1;

    for (; value >= 0x80; value >>= 7)
        n++;
    return n;
}

static void put_varint(struct kfs_buf *buf, uint64_t value)
{
    assert(buf->cap - buf->len >= varint_size(value));
    for (; value >= 0x80; value >>= 7)
        buf->data[buf->len++] = (char)(value | 0x80);
    buf->data[buf->len++] = (char)value;
}

static size_t number_size(uint64_t value)
{
    return 1 + varint_size(value);
}

static void put_number(struct kfs_buf *buf, unsigned field, uint64_t value)
{
    put_varint(buf, field << 3 | WIRE_VARINT);
    put_varint(buf, value);
}

static size_t bytes_size(size_t len)
{
    return 1 + varint_size(len) + len;
}

static void put_bytes(struct kfs_buf *buf, unsigned field, struct kfs_bytes bytes)
{
    put_varint(buf, field << 3 | WIRE_BYTES);
    put_varint(buf, bytes.len);
    assert(buf->cap - buf->len >= bytes.len);
    if (bytes.len > 0)
        memcpy(buf->data + buf->len, bytes.data, bytes.len);
    buf->len += bytes.len;
}

/* ---- tables ---- */

static void table_init(struct table *table, unsigned field, size_t max)
{
    *table = (struct table){.field = field};
    kfs_buf_init(&table->bytes, max);
}

static void table_release(struct table *table)
{
    kfs_buf_release(&table->bytes);
    free(table->entries);
    free(table->slots);
}

static void table_clear(struct table *table)
{
    table->bytes.len = 0;
    table->n = 0;
    if (table->n_slots > 0)
        memset(table->slots, 0, table->n_slots * sizeof *table->slots);
}

/* Enters an entry where one of its slots is free. */
static void table_link(struct table *table, size_t index)
{
    for (size_t i = 0; i < PROBES_MAX; i++) {
        uint32_t *slot = &table->slots[(table->entries[index].crc + i) & (table->n_slots - 1)];

        if (*slot == 0) {
            *slot = (uint32_t)index + 1;
            return;
        }
    }
}

static int table_grow_slots(struct table *table)
{
    size_t n = table->n_slots > 0 ? 2 * table->n_slots : SLOTS_MIN;
    uint32_t *slots = calloc(n, sizeof *slots);

    if (slots == NULL)
        return -ENOMEM;
    free(table->slots);
    table->slots = slots;
    table->n_slots = n;
    for (size_t i = 0; i < table->n; i++)
        table_link(table, i);
    return 0;
}

/* Room for one entry more, whose text has len bytes. */
static int table_reserve(struct table *table, size_t len)
{
    if (table->n == table->cap) {
        size_t cap = table->cap > 0 ? 2 * table->cap : SLOTS_MIN;
        struct entry *entries = realloc(table->entries, cap * sizeof *entries);

        if (entries == NULL)
            return -ENOMEM;
        table->entries = entries;
        table->cap = cap;
    }
    if (2 * (table->n + 1) > table->n_slots) {
        int rc = table_grow_slots(table);

        if (rc != 0)
            return rc;
    }
    return kfs_buf_reserve(&table->bytes, bytes_size(len));
}

static bool entry_is(const struct table *table, const struct entry *entry, const struct place *place)
{
    return entry->crc == place->crc && entry->len == place->text.len &&
           memcmp(table->bytes.data + entry->at, place->text.data, entry->len) == 0;
}

static struct place table_find(const struct table *table, struct kfs_bytes text)
{
    struct place place = {.text = text, .crc = kfs_crc32c(0, text.data, text.len), .index = table->n};

    for (size_t i = 0; table->n > 0 && i < PROBES_MAX; i++) {
        uint32_t slot = table->slots[(place.crc + i) & (table->n_slots - 1)];

        if (slot == 0)
            break;
        if (entry_is(table, &table->entries[slot - 1], &place)) {
            place.index = slot - 1;
            place.in_range = table->entries[slot - 1].in_range;
            break;
        }
    }
    return place;
}

static bool is_new(const struct table *table, const struct place *place)
{
    return place->index == table->n;
}

/* What has been reserved. */
static void table_add(struct table *table, const struct place *place)
{
    put_bytes(&table->bytes, table->field, place->text);
    table->entries[table->n] = (struct entry){.at = (uint32_t)(table->bytes.len - place->text.len),
                                              .len = (uint32_t)place->text.len,
                                              .crc = place->crc,
                                              .in_range = place->in_range};
    table_link(table, table->n);
    table->n++;
}

/* ---- the writer ---- */

struct kfs_kpl_writer *kfs_kpl_writer_new(size_t limit, const struct kfs_hash_range *range)
{
    struct kfs_kpl_writer *writer = malloc(sizeof *writer);

    assert(limit <= KFS_RECORD_BYTES_MAX);
    if (writer == NULL)
        return NULL;
    *writer = (struct kfs_kpl_writer){.limit = limit, .range = *range};
    table_init(&writer->keys, AGGREGATE_KEY, limit);
    table_init(&writer->hashes, AGGREGATE_HASH, limit);
    kfs_buf_init(&writer->records, limit);
    return writer;
}

void kfs_kpl_writer_free(struct kfs_kpl_writer *writer)
{
    if (writer == NULL)
        return;
    table_release(&writer->keys);
    table_release(&writer->hashes);
    kfs_buf_release(&writer->records);
    free(writer);
}

size_t kfs_kpl_count(const struct kfs_kpl_writer *writer)
{
    return writer->count;
}

size_t kfs_kpl_size(const struct kfs_kpl_writer *writer)
{
    if (writer->count == 0)
        return 0;
    return KFS_AGGREGATE_FRAME_BYTES + writer->keys.bytes.len + writer->hashes.bytes.len + writer->records.len;
}

/* A user record on its way into the message. hash.text is empty without an explicit hash key. */
struct addition {
    struct place key;
    struct place hash;
    struct kfs_bytes data;
    char digits[KFS_HASH_DIGITS_MAX + 1];
};

static size_t inner_size(const struct addition *a)
{
    return number_size(a->key.index) + (a->hash.text.len > 0 ? number_size(a->hash.index) : 0) +
           bytes_size(a->data.len);
}

/* What kfs_kpl_size gains by it. */
static size_t growth(const struct kfs_kpl_writer *writer, const struct addition *a)
{
    size_t size = bytes_size(inner_size(a));

    if (is_new(&writer->keys, &a->key))
        size += bytes_size(a->key.text.len);
    if (a->hash.text.len > 0 && is_new(&writer->hashes, &a->hash))
        size += bytes_size(a->hash.text.len);
    return size;
}

/* In an aggregate of its own, where both its keys are new and the first. */
static size_t size_alone(const struct addition *a)
{
    size_t inner = bytes_size(a->data.len) + number_size(0) + (a->hash.text.len > 0 ? number_size(0) : 0);

    return KFS_AGGREGATE_FRAME_BYTES + bytes_size(inner) + bytes_size(a->key.text.len) +
           (a->hash.text.len > 0 ? bytes_size(a->hash.text.len) : 0);
}

static bool any_range(const struct kfs_hash_range *range)
{
    return range->start == 0 && range->end == KFS_HASH_MAX;
}

static int prepare(struct kfs_kpl_writer *writer, const struct kfs_put *put, struct addition *a)
{
    const kfs_hash *hash = put->explicit_hash;

    *a = (struct addition){.key = table_find(&writer->keys, put->key), .data = put->data};
    if (hash != NULL && !kfs_hash_in(&writer->range, *hash))
        return -EINVAL;
    if (is_new(&writer->keys, &a->key)) {
        if (!kpl_key_valid(put->key))
            return -EINVAL;
        a->key.in_range =
            any_range(&writer->range) || kfs_hash_in(&writer->range, kfs_hash_of_key(put->key.data, put->key.len));
    }
    if (hash == NULL && !a->key.in_range)
        hash = &writer->range.start;
    if (hash != NULL)
        a->hash = table_find(&writer->hashes, (struct kfs_bytes){a->digits, kfs_hash_print(*hash, a->digits)});
    return 0;
}

/* All that may fail. */
static int reserve(struct kfs_kpl_writer *writer, const struct addition *a)
{
    int rc = kfs_buf_reserve(&writer->records, bytes_size(inner_size(a)));

    if (rc == 0 && is_new(&writer->keys, &a->key))
        rc = table_reserve(&writer->keys, a->key.text.len);
    if (rc == 0 && a->hash.text.len > 0 && is_new(&writer->hashes, &a->hash))
        rc = table_reserve(&writer->hashes, a->hash.text.len);
    return rc;
}

int kfs_kpl_add(struct kfs_kpl_writer *writer, const struct kfs_put *put)
{
    struct addition a;
    size_t have = writer->count > 0 ? kfs_kpl_size(writer) : KFS_AGGREGATE_FRAME_BYTES;
    int rc = prepare(writer, put, &a);

    if (rc != 0)
        return rc;
    if (put->data.len > writer->limit || size_alone(&a) > writer->limit)
        return -EMSGSIZE;
    if (growth(writer, &a) > writer->limit - have)
        return -EAGAIN;
    rc = reserve(writer, &a);
    if (rc != 0)
        return rc;

    put_varint(&writer->records, AGGREGATE_RECORD << 3 | WIRE_BYTES);
    put_varint(&writer->records, inner_size(&a));
    put_number(&writer->records, RECORD_KEY_INDEX, a.key.index);
    if (a.hash.text.len > 0)
        put_number(&writer->records, RECORD_HASH_INDEX, a.hash.index);
    put_bytes(&writer->records, RECORD_DATA, a.data);
    if (is_new(&writer->keys, &a.key))
        table_add(&writer->keys, &a.key);
    if (a.hash.text.len > 0 && is_new(&writer->hashes, &a.hash))
        table_add(&writer->hashes, &a.hash);
    writer->count++;
    return 0;
}

static void put_buf(struct kfs_buf *to, const struct kfs_buf *from)
{
    if (from->len > 0)
        memcpy(to->data + to->len, from->data, from->len);
    to->len += from->len;
}

int kfs_kpl_close(struct kfs_kpl_writer *writer, struct kfs_buf *to)
{
    size_t size = kfs_kpl_size(writer);
    uint8_t digest[KFS_MD5_BYTES];
    int rc = kfs_buf_reserve(to, size);

    if (rc != 0 || size == 0)
        return rc;
    memcpy(to->data + to->len, KFS_AGGREGATE_MAGIC, KFS_AGGREGATE_MAGIC_BYTES);
    to->len += KFS_AGGREGATE_MAGIC_BYTES;
    put_buf(to, &writer->keys.bytes);
    put_buf(to, &writer->hashes.bytes);
    put_buf(to, &writer->records);
    kfs_md5(to->data + to->len - (size - KFS_AGGREGATE_FRAME_BYTES), size - KFS_AGGREGATE_FRAME_BYTES, digest);
    memcpy(to->data + to->len, digest, sizeof digest);
    to->len += sizeof digest;

    table_clear(&writer->keys);
    table_clear(&writer->hashes);
    writer->records.len = 0;
    writer->count = 0;
    return 0;
}
