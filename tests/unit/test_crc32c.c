#include "backend/base/crc32c.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROOM 16384
#define THREADS 8

static uint8_t bytes[ROOM];

static int fill(void **state)
{
    (void)state;
    srandom(2);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)random();
    return 0;
}

/* One bit at a time, as the standard defines it. */
static uint32_t by_definition(uint32_t crc, const uint8_t *data, size_t len)
{
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78U : 0);
    }
    return ~crc;
}

static void assert_both(const void *data, size_t len, uint32_t want)
{
    assert_int_equal(kfs_crc32c(0, data, len), want);
    assert_int_equal(kfs_crc32c_portable(0, data, len), want);
}

static void *crc_all(void *arg)
{
    uint32_t *crc = arg;

    *crc = kfs_crc32c(0, bytes, sizeof bytes);
    return NULL;
}

static void threads_choose_at_once(void **state)
{
    pthread_t threads[THREADS];
    uint32_t crcs[THREADS];
    uint32_t want = by_definition(0, bytes, sizeof bytes);

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, crc_all, &crcs[i]), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(crcs[i], want);
}

/* RFC 3720, appendix B.4. */
static void vectors_of_rfc_3720(void **state)
{
    static const uint8_t read_command[48] = {
        0x01, 0xc0, 0, 0,    0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0,
        0,    0,    0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0,    0,
    };
    uint8_t data[32];

    (void)state;
    memset(data, 0, sizeof data);
    assert_both(data, sizeof data, 0x8a9136aaU);
    memset(data, 0xff, sizeof data);
    assert_both(data, sizeof data, 0x62a8ab43U);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    assert_both(data, sizeof data, 0x46dd794eU);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(31 - i);
    assert_both(data, sizeof data, 0x113fdb5cU);
    assert_both(read_command, sizeof read_command, 0xd9963a56U);
    assert_both("123456789", 9, 0xe3069283U);
}

static void nothing_changes_nothing(void **state)
{
    (void)state;
    assert_both(NULL, 0, 0);
    assert_both("", 0, 0);
    assert_int_equal(kfs_crc32c(0x12345678, NULL, 0), 0x12345678);
    assert_int_equal(kfs_crc32c_portable(0x12345678, NULL, 0), 0x12345678);
}

/* Lengths around one word, and around one and several rounds of lanes. */
static void every_short_length_as_defined(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 3300; len += len < 64 ? 1 : 7)
        assert_both(bytes + 3, len, by_definition(0, bytes + 3, len));
    for (size_t len = 1000; len <= 1020; len++)
        assert_both(bytes, len, by_definition(0, bytes, len));
}

static void hardware_equals_portable(void **state)
{
    (void)state;
    srandom(3);
    for (int i = 0; i < 5000; i++) {
        size_t at = (size_t)random() % 64;
        size_t len = (size_t)random() % (i % 2 == 0 ? ROOM - 64 : 256);
        uint32_t start = (uint32_t)random() << 1;
        assert_int_equal(kfs_crc32c(start, bytes + at, len), kfs_crc32c_portable(start, bytes + at, len));
    }
}

static void pieces_give_what_the_whole_gives(void **state)
{
    uint32_t want = kfs_crc32c(0, bytes, sizeof bytes);

    (void)state;
    srandom(4);
    for (int i = 0; i < 200; i++) {
        uint32_t crc = 0;
        size_t at = 0;
        while (at < sizeof bytes) {
            size_t step = (size_t)random() % (i % 2 == 0 ? 100 : 5000);
            if (step > sizeof bytes - at)
                step = sizeof bytes - at;
            crc = i % 3 == 0 ? kfs_crc32c_portable(crc, bytes + at, step) : kfs_crc32c(crc, bytes + at, step);
            at += step;
        }
        assert_int_equal(crc, want);
    }
}

static void one_changed_bit_is_seen(void **state)
{
    uint32_t want = kfs_crc32c(0, bytes, sizeof bytes);

    (void)state;
    for (size_t at = 0; at < sizeof bytes; at += 61) {
        bytes[at] ^= 0x10;
        assert_int_not_equal(kfs_crc32c(0, bytes, sizeof bytes), want);
        bytes[at] ^= 0x10;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First, while nothing has been chosen yet. */
        cmocka_unit_test(threads_choose_at_once),   cmocka_unit_test(vectors_of_rfc_3720),
        cmocka_unit_test(nothing_changes_nothing),  cmocka_unit_test(every_short_length_as_defined),
        cmocka_unit_test(hardware_equals_portable), cmocka_unit_test(pieces_give_what_the_whole_gives),
        cmocka_unit_test(one_changed_bit_is_seen),
    };

    return cmocka_run_group_tests(tests, fill, NULL);
}
