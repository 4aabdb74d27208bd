#include "backend/base/eventstream.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/base/crc32.h"
#include "tests/support/events.h"

#define STREAM_MAX ((size_t)1 << 20)

static void assert_bytes(struct kfs_bytes bytes, const char *text)
{
    assert_int_equal(bytes.len, strlen(text));
    assert_memory_equal(bytes.data, text, bytes.len);
}

static void crc32_is_that_of_zlib(void **state)
{
    static const char text[] = "The quick brown fox jumps over the lazy dog";

    (void)state;
    assert_int_equal(kfs_crc32(0, "", 0), 0);
    assert_int_equal(kfs_crc32(0, "123456789", 9), 0xcbf43926);
    assert_int_equal(kfs_crc32(0, text, sizeof text - 1), 0x414fa339);
    for (size_t cut = 0; cut < sizeof text; cut++)
        assert_int_equal(kfs_crc32(kfs_crc32(0, text, cut), text + cut, sizeof text - 1 - cut), 0x414fa339);
}

/* Lengths and CRCs were computed with Python's struct and zlib. */
static void the_first_message_to_the_byte(void **state)
{
    static const char expected[] = "\x00\x00\x00\x72\x00\x00\x00\x60\xab\x82\x0d\x9e"
                                   "\x0b:event-type\x07\x00\x10initial-response"
                                   "\x0d:content-type\x07\x00\x1a"
                                   "application/x-amz-json-1.1"
                                   "\x0d:message-type\x07\x00\x05"
                                   "event{}"
                                   "\xac\xae\x6b\x7d";
    struct kfs_eventstream e;
    struct kfs_buf buf;

    (void)state;
    kfs_buf_init(&buf, STREAM_MAX);
    kfs_eventstream_event(&e, &buf, "initial-response");
    assert_int_equal(kfs_buf_append(&buf, "{}", 2), 0);
    assert_int_equal(kfs_eventstream_end(&e), 0);
    assert_int_equal(buf.len, sizeof expected - 1);
    assert_memory_equal(buf.data, expected, sizeof expected - 1);
    kfs_buf_release(&buf);
}

static void messages_follow_each_other(void **state)
{
    struct kfs_eventstream e;
    struct event event;
    struct kfs_buf buf;

    (void)state;
    kfs_buf_init(&buf, STREAM_MAX);
    kfs_eventstream_event(&e, &buf, "SubscribeToShardEvent");
    for (int i = 0; i < 10000; i++)
        assert_int_equal(kfs_buf_append(&buf, "payload ", 8), 0);
    assert_int_equal(kfs_eventstream_end(&e), 0);
    kfs_eventstream_exception(&e, &buf, "ResourceInUseException");
    assert_int_equal(kfs_buf_append(&buf, "{\"message\":\"m\"}", 15), 0);
    assert_int_equal(kfs_eventstream_end(&e), 0);

    struct kfs_bytes rest = {buf.data, buf.len};
    assert_int_equal(event_next(&rest, &event), 0);
    assert_int_equal(event.n, 3);
    assert_bytes(event_header(&event, ":event-type"), "SubscribeToShardEvent");
    assert_bytes(event_header(&event, ":content-type"), "application/x-amz-json-1.1");
    assert_bytes(event_header(&event, ":message-type"), "event");
    assert_int_equal(event.payload.len, 80000);
    assert_int_equal(event_next(&rest, &event), 0);
    assert_bytes(event_header(&event, ":exception-type"), "ResourceInUseException");
    assert_bytes(event_header(&event, ":message-type"), "exception");
    assert_bytes(event.payload, "{\"message\":\"m\"}");
    assert_int_equal(event_next(&rest, &event), -EAGAIN);

    buf.data[200] ^= 1;
    rest = (struct kfs_bytes){buf.data, buf.len};
    assert_int_equal(event_next(&rest, &event), -EINVAL);
    kfs_buf_release(&buf);
}

/* Wherever memory ends, the buffer is as it was. */
static void a_message_that_does_not_fit_leaves_nothing(void **state)
{
    struct kfs_eventstream e;
    struct kfs_buf buf;

    (void)state;
    for (size_t max = 6; max < 6 + 114; max++) {
        kfs_buf_init(&buf, max);
        assert_int_equal(kfs_buf_append(&buf, "before", 6), 0);
        kfs_eventstream_event(&e, &buf, "initial-response");
        (void)kfs_buf_append(&buf, "{}", 2);
        assert_int_equal(kfs_eventstream_end(&e), -EMSGSIZE);
        assert_int_equal(buf.len, 6);
        kfs_buf_release(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32_is_that_of_zlib),
        cmocka_unit_test(the_first_message_to_the_byte),
        cmocka_unit_test(messages_follow_each_other),
        cmocka_unit_test(a_message_that_does_not_fit_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
