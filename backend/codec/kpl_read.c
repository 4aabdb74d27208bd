#include <assert.h>
#include <errno.h>
#include <string.h>

#include "backend/codec/kpl.h"
#include "backend/codec/kpl_internal.h"

/* An entry of a table takes three bytes of the message at least, and four in the reader. */
#define TABLE_BYTES_MAX (KFS_RECORD_BYTES_MAX / 3 * sizeof(uint32_t))

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

struct field {
    uint64_t number;
    unsigned type;
    const uint8_t *value;   /* where what follows the tag begins */
    uint64_t varint;        /* of WIRE_VARINT */
    struct kfs_bytes bytes; /* of the others: the value */
};

/* ---- protobuf ---- */

/* False where the bytes end within it, or it has more than 64 bits. */
static bool take_varint(struct cursor *c, uint64_t *value)
{
    uint64_t sum = 0;

    for (unsigned shift = 0; c->at < c->end && shift < 64; shift += 7) {
        uint8_t byte = *c->at++;
        uint64_t bits = byte & 0x7f;

        if (bits << shift >> shift != bits)
            return false;
        sum |= bits << shift;
        if (byte < 0x80) {
            *value = sum;
            return true;
        }
    }
    return false;
}

static bool take_bytes(struct cursor *c, uint64_t len, struct kfs_bytes *bytes)
{
    if (len > (size_t)(c->end - c->at))
        return false;
    *bytes = (struct kfs_bytes){c->at, (size_t)len};
    c->at += len;
    return true;
}

/* Groups, which proto2 no longer makes, are malformed here. */
static bool take_field(struct cursor *c, struct field *f)
{
    uint64_t tag;
    uint64_t len;

    if (!take_varint(c, &tag) || tag > UINT32_MAX || tag >> 3 == 0)
        return false;
    f->number = tag >> 3;
    f->type = tag & 7;
    f->value = c->at;
    switch (f->type) {
    case WIRE_VARINT:
        return take_varint(c, &f->varint);
    case WIRE_64:
        return take_bytes(c, 8, &f->bytes);
    case WIRE_BYTES:
        return take_varint(c, &len) && take_bytes(c, len, &f->bytes);
    case WIRE_32:
        return take_bytes(c, 4, &f->bytes);
    default:
        return false;
    }
}

static struct cursor cursor_of(struct kfs_bytes bytes)
{
    return (struct cursor){bytes.data, (const uint8_t *)bytes.data + bytes.len};
}

/* ---- tables ---- */

/* Entries are 32 bits wide, since a record is no longer than KFS_RECORD_BYTES_MAX. */
static int table_add(struct kfs_buf *table, struct kfs_bytes message, const uint8_t *entry)
{
    uint32_t at = (uint32_t)(entry - (const uint8_t *)message.data);

    return kfs_buf_append(table, &at, sizeof at);
}

static bool table_get(const struct kfs_buf *table, struct kfs_bytes message, uint64_t index, struct kfs_bytes *entry)
{
    struct cursor c = cursor_of(message);
    uint64_t len;
    uint32_t at;

    if (index >= table->len / sizeof at)
        return false;
    memcpy(&at, table->data + index * sizeof at, sizeof at);
    c.at += at;
    return take_varint(&c, &len) && take_bytes(&c, len, entry);
}

/* The tables, which need not stand before the records. */
static int collect(struct kfs_kpl_reader *reader)
{
    struct cursor c = cursor_of(reader->message);
    struct field f;
    kfs_hash hash;
    int rc = 0;

    while (rc == 0 && c.at < c.end) {
        if (!take_field(&c, &f))
            return -EINVAL;
        if (f.type != WIRE_BYTES)
            continue;
        if (f.number == AGGREGATE_KEY) {
            if (!kpl_key_valid(f.bytes))
                return -EINVAL;
            rc = table_add(&reader->keys, reader->message, f.value);
        } else if (f.number == AGGREGATE_HASH) {
            if (kfs_hash_parse(f.bytes.data, f.bytes.len, &hash) != 0)
                return -EINVAL;
            rc = table_add(&reader->hashes, reader->message, f.value);
        }
    }
    return rc;
}

/* ---- records ---- */

static bool take_record(const struct kfs_kpl_reader *reader, struct kfs_bytes text, struct kfs_kpl_record *record)
{
    struct cursor c = cursor_of(text);
    struct kfs_bytes digits;
    struct field f;
    uint64_t key = UINT64_MAX; /* no table is so long */
    uint64_t hash = 0;
    bool has_data = false;

    *record = (struct kfs_kpl_record){.index = reader->next};
    while (c.at < c.end) {
        if (!take_field(&c, &f))
            return false;
        if (f.number == RECORD_KEY_INDEX && f.type == WIRE_VARINT) {
            key = f.varint;
        } else if (f.number == RECORD_HASH_INDEX && f.type == WIRE_VARINT) {
            hash = f.varint;
            record->has_explicit_hash = true;
        } else if (f.number == RECORD_DATA && f.type == WIRE_BYTES) {
            record->data = f.bytes;
            has_data = true;
        }
    }
    if (!has_data || !table_get(&reader->keys, reader->message, key, &record->key))
        return false;
    return !record->has_explicit_hash || (table_get(&reader->hashes, reader->message, hash, &digits) &&
                                          kfs_hash_parse(digits.data, digits.len, &record->explicit_hash) == 0);
}

/* 1 with a record, 0 at the end, -EINVAL. */
static int step(struct kfs_kpl_reader *reader, struct kfs_kpl_record *record)
{
    struct cursor c = cursor_of(reader->message);
    struct field f;

    c.at += reader->at;
    while (c.at < c.end) {
        if (!take_field(&c, &f))
            return -EINVAL;
        if (f.number != AGGREGATE_RECORD || f.type != WIRE_BYTES)
            continue;
        if (!take_record(reader, f.bytes, record))
            return -EINVAL;
        reader->at = (size_t)(c.at - (const uint8_t *)reader->message.data);
        reader->next++;
        return 1;
    }
    reader->at = reader->message.len;
    return 0;
}

static void rewind_to(struct kfs_kpl_reader *reader, struct kfs_bytes message)
{
    reader->message = message;
    reader->at = 0;
    reader->next = 0;
}

static int check(struct kfs_kpl_reader *reader, const struct kfs_kpl_limit *limit)
{
    struct kfs_kpl_record record;
    size_t bytes = 0; /* at most limit->bytes */
    int rc = collect(reader);

    if (rc != 0)
        return rc;
    while ((rc = step(reader, &record)) == 1) {
        size_t more = record.key.len + record.data.len;

        if (reader->next > limit->records || more > limit->bytes - bytes)
            return -EMSGSIZE;
        bytes += more;
    }
    if (rc == 0 && reader->next == 0)
        rc = -EINVAL;
    return rc;
}

void kfs_kpl_reader_init(struct kfs_kpl_reader *reader)
{
    *reader = (struct kfs_kpl_reader){.next = 0};
    kfs_buf_init(&reader->keys, TABLE_BYTES_MAX);
    kfs_buf_init(&reader->hashes, TABLE_BYTES_MAX);
}

void kfs_kpl_reader_release(struct kfs_kpl_reader *reader)
{
    kfs_buf_release(&reader->keys);
    kfs_buf_release(&reader->hashes);
}

int kfs_kpl_open(struct kfs_kpl_reader *reader, struct kfs_bytes data, const struct kfs_kpl_limit *limit)
{
    const struct kfs_bytes nothing = {NULL, 0};
    struct kfs_bytes message;
    int rc;

    reader->keys.len = 0;
    reader->hashes.len = 0;
    rewind_to(reader, nothing);
    if (data.len > KFS_RECORD_BYTES_MAX || !kfs_aggregate_framed(data))
        return -EINVAL;
    message = kfs_aggregate_message(data);
    rewind_to(reader, message);
    rc = check(reader, limit);
    rewind_to(reader, rc == 0 ? message : nothing);
    return rc;
}

bool kfs_kpl_next(struct kfs_kpl_reader *reader, struct kfs_kpl_record *record)
{
    int rc = reader->message.len == 0 ? 0 : step(reader, record);

    assert(rc >= 0); /* kfs_kpl_open has seen it all */
    return rc == 1;
}

bool kfs_kpl_in_range(const struct kfs_kpl_record *record, const struct kfs_hash_range *range)
{
    kfs_hash hash =
        record->has_explicit_hash ? record->explicit_hash : kfs_hash_of_key(record->key.data, record->key.len);

    return kfs_hash_in(range, hash);
}
