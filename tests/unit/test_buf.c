#include "backend/base/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_new_buffer_is_empty(void **state)
{
    struct kfs_buf buf;

    (void)state;
    kfs_buf_init(&buf, 100);
    assert_null(buf.data);
    assert_int_equal(buf.len, 0);
    assert_int_equal(buf.cap, 0);
    assert_int_equal(buf.max, 100);
    kfs_buf_release(&buf);
}

static void bytes_are_appended_in_order(void **state)
{
    struct kfs_buf buf;

    (void)state;
    kfs_buf_init(&buf, 100);
    assert_int_equal(kfs_buf_append(&buf, "ab\0c", 4), 0);
    assert_int_equal(kfs_buf_append(&buf, "def", 3), 0);
    assert_int_equal(buf.len, 7);
    assert_memory_equal(buf.data, "ab\0cdef", 7);
    kfs_buf_release(&buf);
}

static void nothing_can_be_appended(void **state)
{
    struct kfs_buf buf;

    (void)state;
    kfs_buf_init(&buf, 0);
    assert_int_equal(kfs_buf_append(&buf, NULL, 0), 0);
    assert_int_equal(kfs_buf_reserve(&buf, 0), 0);
    assert_int_equal(buf.len, 0);
    assert_int_equal(kfs_buf_append(&buf, "x", 1), -EMSGSIZE);
    kfs_buf_release(&buf);
}

/* At, and one byte beyond, maxima below, at and above the first allocation and its doubles. */
static void the_maximum_is_reached_and_not_passed(void **state)
{
    static const size_t maxima[] = {1, 2, 255, 256, 257, 300, 511, 512, 513, 1000, 5000};
    static const char bytes[5001];

    (void)state;
    for (size_t i = 0; i < sizeof maxima / sizeof maxima[0]; i++) {
        struct kfs_buf buf;
        kfs_buf_init(&buf, maxima[i]);
        assert_int_equal(kfs_buf_append(&buf, bytes, maxima[i] + 1), -EMSGSIZE);
        assert_int_equal(buf.len, 0);
        for (size_t n = 0; n < maxima[i]; n++)
            assert_int_equal(kfs_buf_append(&buf, "x", 1), 0);
        assert_int_equal(kfs_buf_append(&buf, "x", 1), -EMSGSIZE);
        assert_int_equal(buf.len, maxima[i]);
        assert_int_equal(kfs_buf_append(&buf, "", 0), 0);
        kfs_buf_release(&buf);

        assert_int_equal(kfs_buf_append(&buf, bytes, maxima[i]), 0);
        assert_int_equal(buf.len, maxima[i]);
        kfs_buf_release(&buf);
    }
}

static void a_huge_request_does_not_wrap(void **state)
{
    struct kfs_buf buf;

    (void)state;
    kfs_buf_init(&buf, 100);
    assert_int_equal(kfs_buf_append(&buf, "abc", 3), 0);
    assert_int_equal(kfs_buf_reserve(&buf, SIZE_MAX), -EMSGSIZE);
    assert_int_equal(kfs_buf_reserve(&buf, SIZE_MAX - 2), -EMSGSIZE);
    assert_int_equal(buf.len, 3);
    assert_memory_equal(buf.data, "abc", 3);
    kfs_buf_release(&buf);
}

static void reserve_makes_room_and_keeps_the_length(void **state)
{
    struct kfs_buf buf;

    (void)state;
    kfs_buf_init(&buf, 10000);
    assert_int_equal(kfs_buf_append(&buf, "abc", 3), 0);
    assert_int_equal(kfs_buf_reserve(&buf, 4000), 0);
    assert_int_equal(buf.len, 3);
    assert_true(buf.cap >= 4003);
    memset(buf.data + 3, 'x', 4000);
    assert_memory_equal(buf.data, "abc", 3);
    kfs_buf_release(&buf);
}

static void as_much_room_as_there_may_be(void **state)
{
    struct kfs_buf buf;

    (void)state;
    kfs_buf_init(&buf, 1000);
    assert_int_equal(kfs_buf_append(&buf, "abc", 3), 0);
    assert_int_equal(kfs_buf_reserve_most(&buf, 500), 0);
    assert_true(buf.cap >= 503 && buf.cap <= 1000);
    assert_int_equal(kfs_buf_reserve_most(&buf, SIZE_MAX), 0);
    assert_int_equal(buf.cap, 1000);
    assert_int_equal(buf.len, 3);
    kfs_buf_release(&buf);
}

static void text_is_printed_behind_what_is_there(void **state)
{
    struct kfs_buf buf;

    (void)state;
    kfs_buf_init(&buf, 1000);
    assert_int_equal(kfs_buf_append(&buf, "<", 1), 0);
    assert_int_equal(kfs_buf_printf(&buf, "%d-%s", 42, "abc"), 0);
    assert_int_equal(kfs_buf_printf(&buf, "%300s", "y"), 0);
    assert_int_equal(buf.len, 307);
    assert_memory_equal(buf.data, "<42-abc ", 8);
    assert_int_equal(buf.data[306], 'y');
    kfs_buf_release(&buf);
}

static void text_beyond_the_maximum_is_refused_whole(void **state)
{
    struct kfs_buf buf;

    (void)state;
    kfs_buf_init(&buf, 8);
    assert_int_equal(kfs_buf_printf(&buf, "%s", "123456789"), -EMSGSIZE);
    assert_int_equal(buf.len, 0);
    assert_int_equal(kfs_buf_printf(&buf, "%s", "1234567"), 0);
    assert_int_equal(kfs_buf_printf(&buf, "%s", "89"), -EMSGSIZE);
    assert_int_equal(buf.len, 7);
    assert_memory_equal(buf.data, "1234567", 7);
    kfs_buf_release(&buf);
}

static void a_released_buffer_can_be_used_again(void **state)
{
    struct kfs_buf buf;

    (void)state;
    kfs_buf_init(&buf, 5);
    assert_int_equal(kfs_buf_append(&buf, "12345", 5), 0);
    kfs_buf_release(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.len, 0);
    assert_int_equal(buf.max, 5);
    assert_int_equal(kfs_buf_append(&buf, "12345", 5), 0);
    assert_int_equal(kfs_buf_append(&buf, "6", 1), -EMSGSIZE);
    kfs_buf_release(&buf);
    kfs_buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_buffer_is_empty),
        cmocka_unit_test(bytes_are_appended_in_order),
        cmocka_unit_test(nothing_can_be_appended),
        cmocka_unit_test(the_maximum_is_reached_and_not_passed),
        cmocka_unit_test(a_huge_request_does_not_wrap),
        cmocka_unit_test(reserve_makes_room_and_keeps_the_length),
        cmocka_unit_test(as_much_room_as_there_may_be),
        cmocka_unit_test(text_is_printed_behind_what_is_there),
        cmocka_unit_test(text_beyond_the_maximum_is_refused_whole),
        cmocka_unit_test(a_released_buffer_can_be_used_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
