/* KPL aggregates: the bytes that Amazon's library for Python makes, whatever records
 * go in come out, and what is malformed is no aggregate. */
#include "backend/codec/kpl.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/base/crc32c.h"
#include "backend/base/crypto.h"
#include "tests/support/hex.h"

#define LIMIT KFS_RECORD_BYTES_DEFAULT

static const struct kfs_hash_range any = {0, KFS_HASH_MAX};
static const struct kfs_kpl_limit no_limit = {SIZE_MAX, SIZE_MAX};
static const kfs_hash zero = 0;
static const kfs_hash highest = KFS_HASH_MAX;

/* Made by aws-kinesis-agg 1.2.3 with protobuf 7.36.2, of the records in two_keys and explicit_hashes. */
static const char two_keys[] = "f3899ac20a01610a01621a0708001a036f6e651a0408011a001a0808001a0474776f0a9c1216234ada6b86"
                               "2896d7777b72085e";
static const char explicit_hashes[] = "f3899ac20a08d0bad0bbd18ed1870a016112013012273334303238323336363932303933383436"
                                      "333436333337343630373433313736383231313435351a07080010001a01781a08080110011a02"
                                      "00ff1a07080110001a017911cb7fa89ffda310fabb1a288a90f0a4";

static struct kfs_bytes text(const char *s)
{
    return (struct kfs_bytes){s, strlen(s)};
}

static bool same(struct kfs_bytes a, struct kfs_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* That the aggregate is these records. */
static void assert_holds(struct kfs_bytes aggregate, const struct kfs_put *puts, size_t n)
{
    struct kfs_kpl_reader reader;
    struct kfs_kpl_record record;

    kfs_kpl_reader_init(&reader);
    assert_int_equal(kfs_kpl_open(&reader, aggregate, &no_limit), 0);
    for (size_t i = 0; i < n; i++) {
        assert_true(kfs_kpl_next(&reader, &record));
        assert_int_equal(record.index, i);
        assert_true(same(record.key, puts[i].key) && same(record.data, puts[i].data));
        assert_int_equal(record.has_explicit_hash, puts[i].explicit_hash != NULL);
        assert_true(puts[i].explicit_hash == NULL || record.explicit_hash == *puts[i].explicit_hash);
    }
    assert_false(kfs_kpl_next(&reader, &record));
    assert_false(kfs_kpl_next(&reader, &record));
    kfs_kpl_reader_release(&reader);
}

/* The same bytes as another's encoder, and read back. */
static void assert_vector(const char *hex, const struct kfs_put *puts, size_t n)
{
    struct kfs_kpl_writer *writer = kfs_kpl_writer_new(LIMIT, &any);
    uint8_t expected[512];
    size_t len = hex_decode(hex, expected);
    struct kfs_buf buf;

    kfs_buf_init(&buf, LIMIT);
    for (int again = 0; again < 2; again++) {
        for (size_t i = 0; i < n; i++)
            assert_int_equal(kfs_kpl_add(writer, &puts[i]), 0);
        assert_int_equal(kfs_kpl_count(writer), n);
        assert_int_equal(kfs_kpl_size(writer), len);
        assert_int_equal(kfs_kpl_close(writer, &buf), 0);
        assert_int_equal(kfs_kpl_count(writer), 0);
        assert_int_equal(buf.len, len);
        assert_memory_equal(buf.data, expected, len);
        buf.len = 0;
    }
    assert_holds((struct kfs_bytes){expected, len}, puts, n);
    kfs_buf_release(&buf);
    kfs_kpl_writer_free(writer);
}

static void amazons_bytes(void **state)
{
    const struct kfs_put plain[] = {
        {.key = text("a"), .data = text("one")},
        {.key = text("b"), .data = text("")},
        {.key = text("a"), .data = text("two\n")},
    };
    const struct kfs_put explicit[] = {
        {.key = text("\u043a\u043b\u044e\u0447"), .data = text("x"), .explicit_hash = &zero},
        {.key = text("a"), .data = {"\0\xff", 2}, .explicit_hash = &highest},
        {.key = text("a"), .data = text("y"), .explicit_hash = &zero},
    };

    (void)state;
    assert_vector(two_keys, plain, 3);
    assert_vector(explicit_hashes, explicit, 3);
}

/* ---- what is not an aggregate ---- */

static int open_bytes(const void *data, size_t len, const struct kfs_kpl_limit *limit)
{
    struct kfs_kpl_reader reader;
    struct kfs_kpl_record record;
    int rc;

    kfs_kpl_reader_init(&reader);
    rc = kfs_kpl_open(&reader, (struct kfs_bytes){data, len}, limit);
    assert_true(rc == 0 || !kfs_kpl_next(&reader, &record));
    kfs_kpl_reader_release(&reader);
    return rc;
}

/* A message between magic and digest. */
static int open_message(const void *message, size_t len)
{
    uint8_t data[4096] = {0xf3, 0x89, 0x9a, 0xc2};

    assert_true(len <= sizeof data - 20);
    memcpy(data + 4, message, len);
    kfs_md5(message, len, data + 4 + len);
    return open_bytes(data, len + 20, &no_limit);
}

static void a_cut_or_changed_one_is_none(void **state)
{
    uint8_t data[512];
    size_t len = hex_decode(two_keys, data);

    (void)state;
    assert_int_equal(open_bytes(data, len, &no_limit), 0);
    for (size_t n = 0; n < len; n++)
        assert_int_equal(open_bytes(data, n, &no_limit), -EINVAL);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(open_bytes(data, len, &no_limit), -EINVAL);
        data[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(open_bytes(NULL, 0, &no_limit), -EINVAL);
    data[len] = 0;
    assert_int_equal(open_bytes(data, len + 1, &no_limit), -EINVAL);
}

#define GOOD "\x0a\x01k\x1a\x05\x08\x00\x1a\x01x" /* key k, record 0 "x" */
#define MESSAGE(literal) ((struct kfs_bytes){literal, sizeof(literal) - 1})

static void malformed_messages_are_none(void **state)
{
    const struct kfs_bytes messages[] = {
        MESSAGE("\x0a\x01k"),                                             /* no record */
        MESSAGE("\x1a\x05\x08\x00\x1a\x01x"),                             /* no key */
        MESSAGE("\x0a\x01k\x1a\x05\x08\x01\x1a\x01x"),                    /* index of the key beyond the table */
        MESSAGE("\x0a\x01k\x1a\x03\x1a\x01x"),                            /* without an index */
        MESSAGE("\x0a\x01k\x1a\x02\x08\x00"),                             /* without data */
        MESSAGE("\x0a\x01k\x1a\x04\x08\x00\x18\x01"),                     /* data that is a number */
        MESSAGE("\x0a\x01k\x1a\x07\x08\x00\x10\x00\x1a\x01x"),            /* index of no explicit hash key */
        MESSAGE("\x0a\x01k\x1a\x05\x08\x00\x1a\x02x"),                    /* data beyond its record */
        MESSAGE("\x0a\x01k\x1a\x06\x08\x00\x1a\x01x"),                    /* a record beyond the end */
        MESSAGE(GOOD "\x1a"),                                             /* a tag without a value */
        MESSAGE(GOOD "\x20\x80"),                                         /* a number without an end */
        MESSAGE(GOOD "\x20\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02"),     /* of 65 bits */
        MESSAGE(GOOD "\x20\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"), /* of 11 bytes */
        MESSAGE(GOOD "\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),     /* 2^64 - 1 bytes */
        MESSAGE(GOOD "\x02\x00"),                                         /* field 0 */
        MESSAGE(GOOD "\x80\x80\x80\x80\x10\x00"),                         /* a tag of 33 bits */
        MESSAGE(GOOD "\x23\x24"),                                         /* a group */
        MESSAGE(GOOD "\x27\x00"),                                         /* type 7 */
        MESSAGE(GOOD "\x25\x00\x00\x00"),                                 /* 32 bits, cut */
        MESSAGE(GOOD "\x21\x00\x00\x00\x00\x00\x00\x00"),                 /* 64 bits, cut */
        MESSAGE(GOOD "\x0a\x00"),                                         /* a key without characters */
        MESSAGE(GOOD "\x0a\x02\xc0\x80"),                                 /* a key that is not UTF-8 */
        MESSAGE(GOOD "\x12\x02"
                     "01"),       /* a hash with a zero before it */
        MESSAGE(GOOD "\x12\x00"), /* no digits */
        MESSAGE(GOOD "\x12\x27"
                     "340282366920938463463374607431768211456"), /* 2^128 */
    };
    uint8_t long_key[KFS_PARTITION_KEY_CHARS_MAX + 64] = {0x0a, 0x81, 0x02};

    (void)state;
    assert_int_equal(open_message(GOOD, sizeof GOOD - 1), 0);
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        if (open_message(messages[i].data, messages[i].len) != -EINVAL)
            fail_msg("message %zu is taken", i);
    }
    memset(long_key + 3, 'k', sizeof long_key - 3);
    memcpy(long_key + 3 + KFS_PARTITION_KEY_CHARS_MAX + 1, GOOD, sizeof GOOD - 1);
    assert_int_equal(open_message(long_key, 3 + KFS_PARTITION_KEY_CHARS_MAX + sizeof GOOD), -EINVAL);
    long_key[1] = 0x80; /* a key of 256 characters */
    memcpy(long_key + 3 + KFS_PARTITION_KEY_CHARS_MAX, GOOD, sizeof GOOD - 1);
    assert_int_equal(open_message(long_key, 3 + KFS_PARTITION_KEY_CHARS_MAX + sizeof GOOD - 1), 0);
}

/* What other encoders may make: any order, unknown fields, tags, a number longer than
 * need be, a field twice, of which the last counts, and a table with a key twice. */
static void odd_messages_are_taken(void **state)
{
    static const char message[] =
        "\x1a\x13\x08\x05\x08\x81\x00\x10\x80\x00\x1a\x01y\x1a\x01x\x22\x03\x0a\x01t" /* before the keys */
        "\x20\x07\x21"
        "12345678"
        "\x25"
        "1234"
        "\x2a\x01?"
        "\x08\x01\x0a\x81\x00k\x0a\x01k\x12\x01"
        "0";
    const struct kfs_put put = {.key = text("k"), .data = text("x"), .explicit_hash = &zero};
    uint8_t data[128] = {0xf3, 0x89, 0x9a, 0xc2};

    (void)state;
    memcpy(data + 4, message, sizeof message - 1);
    kfs_md5(message, sizeof message - 1, data + 4 + sizeof message - 1);
    assert_holds((struct kfs_bytes){data, sizeof message - 1 + 20}, &put, 1);
}

static void a_reader_has_limits(void **state)
{
    uint8_t data[512];
    size_t len = hex_decode(two_keys, data); /* 3 records, of 7 bytes of data and 3 of keys */
    const struct kfs_kpl_limit enough = {3, 10};
    const struct kfs_kpl_limit few_records = {2, 10};
    const struct kfs_kpl_limit few_bytes = {3, 9};
    uint8_t *huge = calloc(1, KFS_RECORD_BYTES_MAX + 1);

    (void)state;
    assert_int_equal(open_bytes(data, len, &enough), 0);
    assert_int_equal(open_bytes(data, len, &few_records), -EMSGSIZE);
    assert_int_equal(open_bytes(data, len, &few_bytes), -EMSGSIZE);
    memcpy(huge, "\xf3\x89\x9a\xc2", 4);
    assert_int_equal(open_bytes(huge, KFS_RECORD_BYTES_MAX + 1, &no_limit), -EINVAL);
    free(huge);
}

/* Ten mebibytes of table entries, as short as can be: their places fit into the reader's bound. */
static void the_longest_table_fits(void **state)
{
    static const char record[] = "\x1a\x05\x08\x00\x1a\x01x";
    const size_t record_len = sizeof record - 1;
    const size_t len = (KFS_RECORD_BYTES_MAX - 20 - record_len) / 3 * 3 + 20 + record_len;
    const size_t last = len - 16 - record_len;
    uint8_t *data = malloc(len);

    (void)state;
    for (unsigned table = 0; table < 2; table++) {
        memcpy(data, "\xf3\x89\x9a\xc2", 4);
        for (size_t i = 4; i < last; i += 3)
            memcpy(data + i,
                   i > 4 && table == 1 ? "\x12\x01"
                                         "0"
                                       : "\x0a\x01"
                                         "0",
                   3);
        memcpy(data + last, record, record_len);
        kfs_md5(data + 4, len - 20, data + len - 16);
        assert_int_equal(open_bytes(data, len, &no_limit), 0);
    }
    free(data);
}

/* ---- limits and ranges of a writer ---- */

/* Adds `len` bytes under the key k to an empty writer of a limit. */
static int add_alone(size_t limit, size_t len, const kfs_hash *hash, size_t *size)
{
    struct kfs_kpl_writer *writer = kfs_kpl_writer_new(limit, &any);
    char *data = calloc(1, len + 1);
    const struct kfs_put put = {.key = text("k"), .data = {data, len}, .explicit_hash = hash};
    int rc = kfs_kpl_add(writer, &put);

    *size = kfs_kpl_size(writer);
    assert_int_equal(kfs_kpl_count(writer), rc == 0 ? 1 : 0);
    kfs_kpl_writer_free(writer);
    free(data);
    return rc;
}

/* At each length around where a length of its own takes a byte more. */
static void an_aggregate_is_as_long_as_the_limit_and_no_longer(void **state)
{
    static const size_t lengths[] = {0, 1, 119, 120, 121, 127, 128, 16370, 16376, 16383, 16384};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof lengths / sizeof lengths[0]; i++) {
        const kfs_hash *hash = i % 2 == 0 ? NULL : &highest;
        size_t size;
        size_t ignored;

        assert_int_equal(add_alone(LIMIT, lengths[i / 2], hash, &size), 0);
        assert_int_equal(add_alone(size, lengths[i / 2], hash, &ignored), 0);
        assert_int_equal(ignored, size);
        assert_int_equal(add_alone(size - 1, lengths[i / 2], hash, &ignored), -EMSGSIZE);
    }
}

static void bad_keys_are_refused(void **state)
{
    struct kfs_kpl_writer *writer = kfs_kpl_writer_new(LIMIT, &(struct kfs_hash_range){1, KFS_HASH_MAX - 1});
    char key[KFS_PARTITION_KEY_BYTES_MAX + 1];
    struct kfs_put put = {.key = text(""), .data = text("x")};
    struct kfs_buf buf;

    (void)state;
    kfs_buf_init(&buf, LIMIT);
    assert_int_equal(kfs_kpl_add(writer, &put), -EINVAL);
    put.key = text("\xff");
    assert_int_equal(kfs_kpl_add(writer, &put), -EINVAL);
    memset(key, 'k', sizeof key);
    put.key = (struct kfs_bytes){key, KFS_PARTITION_KEY_CHARS_MAX + 1};
    assert_int_equal(kfs_kpl_add(writer, &put), -EINVAL);
    put.key.len = KFS_PARTITION_KEY_CHARS_MAX;
    put.explicit_hash = &zero;
    assert_int_equal(kfs_kpl_add(writer, &put), -EINVAL);
    put.explicit_hash = &highest;
    assert_int_equal(kfs_kpl_add(writer, &put), -EINVAL);
    assert_int_equal(kfs_kpl_size(writer), 0);
    assert_int_equal(kfs_kpl_close(writer, &buf), 0);
    assert_int_equal(buf.len, 0);
    put.explicit_hash = NULL;
    assert_int_equal(kfs_kpl_add(writer, &put), 0);
    buf.max = kfs_kpl_size(writer) - 1;
    assert_int_equal(kfs_kpl_close(writer, &buf), -EMSGSIZE);
    assert_int_equal(kfs_kpl_count(writer), 1);
    buf.max++;
    assert_int_equal(kfs_kpl_close(writer, &buf), 0);
    kfs_buf_release(&buf);
    kfs_kpl_writer_free(writer);
    kfs_kpl_writer_free(NULL);
}

/* What would hash to another shard gets an explicit hash key, and nothing else does. */
static void a_writer_stays_in_its_range(void **state)
{
    const kfs_hash hash_a = kfs_hash_of_key("a", 1);
    const kfs_hash middle = KFS_HASH_MAX / 2;
    const struct kfs_hash_range range = {hash_a, hash_a + 5};
    const kfs_hash inside = hash_a + 5;
    const struct kfs_put puts[] = {
        {.key = text("a"), .data = text("1")},
        {.key = text("b"), .data = text("2")},
        {.key = text("b"), .data = text("3"), .explicit_hash = &inside},
        {.key = text("b"), .data = text("4")},
    };
    struct kfs_put expected[4];
    struct kfs_kpl_writer *writer = kfs_kpl_writer_new(LIMIT, &range);
    struct kfs_kpl_reader reader;
    struct kfs_kpl_record record;
    struct kfs_buf buf;

    (void)state;
    kfs_buf_init(&buf, LIMIT);
    for (size_t i = 0; i < 4; i++) {
        expected[i] = puts[i];
        assert_int_equal(kfs_kpl_add(writer, &puts[i]), 0);
    }
    expected[1].explicit_hash = &hash_a;
    expected[3].explicit_hash = &hash_a;
    assert_int_equal(kfs_kpl_close(writer, &buf), 0);
    assert_holds((struct kfs_bytes){buf.data, buf.len}, expected, 4);

    kfs_kpl_reader_init(&reader);
    assert_int_equal(kfs_kpl_open(&reader, (struct kfs_bytes){buf.data, buf.len}, &no_limit), 0);
    while (kfs_kpl_next(&reader, &record)) {
        assert_true(kfs_kpl_in_range(&record, &range));
        assert_int_equal(kfs_kpl_in_range(&record, &(struct kfs_hash_range){0, hash_a + 4}), record.index != 2);
        assert_int_equal(kfs_kpl_in_range(&record, &(struct kfs_hash_range){0, middle}), hash_a <= middle);
    }
    kfs_kpl_reader_release(&reader);
    kfs_buf_release(&buf);
    kfs_kpl_writer_free(writer);
}

/* Keys that all fall on one slot: some stand in the table twice, and all come back. */
static void keys_that_collide(void **state)
{
    enum { N = 40 };
    static char keys[N][16];
    struct kfs_put puts[2 * N];
    struct kfs_kpl_writer *writer = kfs_kpl_writer_new(LIMIT, &any);
    struct kfs_buf buf;
    size_t n = 0;

    (void)state;
    for (unsigned i = 0; n < N; i++) {
        (void)snprintf(keys[n], sizeof keys[n], "%u", i);
        if (kfs_crc32c(0, keys[n], strlen(keys[n])) % 65536 == 0)
            n++;
    }
    kfs_buf_init(&buf, LIMIT);
    for (size_t i = 0; i < sizeof puts / sizeof puts[0]; i++) {
        puts[i] = (struct kfs_put){.key = text(keys[i % N]), .data = text("x")};
        assert_int_equal(kfs_kpl_add(writer, &puts[i]), 0);
    }
    assert_int_equal(kfs_kpl_close(writer, &buf), 0);
    assert_holds((struct kfs_bytes){buf.data, buf.len}, puts, sizeof puts / sizeof puts[0]);
    kfs_buf_release(&buf);
    kfs_kpl_writer_free(writer);
}

/* ---- any records ---- */

static uint64_t seed = 1;

static size_t below(size_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)((seed >> 33) % n);
}

enum { HISTORY = 2000, KEYS = 300 };

static char data_bytes[1 << 16];
static char key_texts[KEYS][KFS_PARTITION_KEY_CHARS_MAX + 1];
static kfs_hash hash_values[KEYS];

static void fill(struct kfs_put *put)
{
    size_t key = below(below(2) == 0 ? 3 : KEYS);
    size_t longest = below(50) == 0 ? sizeof data_bytes / 4 : 300;
    size_t len = below(longest);

    *put = (struct kfs_put){.key = text(key_texts[key]), .data = {data_bytes + below(sizeof data_bytes - len), len}};
    if (below(4) == 0)
        put->explicit_hash = &hash_values[below(KEYS)];
}

/* The length of these records' aggregate, by a writer without a limit that matters. */
static size_t length_of(const struct kfs_put *puts, size_t n)
{
    struct kfs_kpl_writer *writer = kfs_kpl_writer_new(KFS_RECORD_BYTES_MAX, &any);
    size_t size;

    for (size_t i = 0; i < n; i++)
        assert_int_equal(kfs_kpl_add(writer, &puts[i]), 0);
    size = kfs_kpl_size(writer);
    kfs_kpl_writer_free(writer);
    return size;
}

/* Closes it, and checks that the aggregate is the records since `first`. */
static void check_close(struct kfs_kpl_writer *writer, const struct kfs_put *first, size_t n)
{
    size_t size = kfs_kpl_size(writer);
    struct kfs_buf buf;

    kfs_buf_init(&buf, KFS_RECORD_BYTES_MAX);
    assert_int_equal(kfs_kpl_count(writer), n);
    assert_int_equal(kfs_kpl_close(writer, &buf), 0);
    assert_int_equal(buf.len, size);
    assert_holds((struct kfs_bytes){buf.data, buf.len}, first, n);
    kfs_buf_release(&buf);
}

/* None is lost, doubled or moved, and an aggregate is full when it says so. */
static void history(size_t limit)
{
    struct kfs_kpl_writer *writer = kfs_kpl_writer_new(limit, &any);
    struct kfs_put *puts = calloc(HISTORY, sizeof *puts);
    size_t first = 0;

    for (size_t i = 0; i < HISTORY; i++) {
        int rc;

        fill(&puts[i]);
        rc = kfs_kpl_add(writer, &puts[i]);
        if (rc == -EAGAIN) {
            assert_true(length_of(puts + first, i - first) <= limit);
            assert_true(length_of(puts + first, i - first + 1) > limit);
            check_close(writer, puts + first, i - first);
            first = i;
            rc = kfs_kpl_add(writer, &puts[i]);
        }
        if (rc == -EMSGSIZE) {
            assert_true(length_of(&puts[i], 1) > limit);
            puts[i--].data.len = 0; /* another in its place */
        } else {
            assert_int_equal(rc, 0);
            assert_true(kfs_kpl_size(writer) <= limit);
        }
    }
    check_close(writer, puts + first, HISTORY - first);
    kfs_kpl_writer_free(writer);
    free(puts);
}

static void any_records_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof data_bytes; i++)
        data_bytes[i] = (char)below(256);
    for (size_t i = 0; i < KEYS; i++) {
        size_t len = 1 + below(below(5) == 0 ? KFS_PARTITION_KEY_CHARS_MAX : 8);

        for (size_t j = 0; j < len; j++)
            key_texts[i][j] = (char)('!' + below(90));
        hash_values[i] = (kfs_hash)below(SIZE_MAX) << 64 | below(SIZE_MAX);
    }
    for (size_t i = 0; i < 10; i++)
        history(400 + below(2000));
    history(20000);
    history(LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amazons_bytes),
        cmocka_unit_test(a_cut_or_changed_one_is_none),
        cmocka_unit_test(malformed_messages_are_none),
        cmocka_unit_test(odd_messages_are_taken),
        cmocka_unit_test(a_reader_has_limits),
        cmocka_unit_test(the_longest_table_fits),
        cmocka_unit_test(an_aggregate_is_as_long_as_the_limit_and_no_longer),
        cmocka_unit_test(bad_keys_are_refused),
        cmocka_unit_test(a_writer_stays_in_its_range),
        cmocka_unit_test(keys_that_collide),
        cmocka_unit_test(any_records_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
